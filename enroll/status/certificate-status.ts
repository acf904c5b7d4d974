/** What the registry says of a certificate, in the words of OCSP (RFC 6960 §2.2). */
import type { Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { OcspStatus } from '../../core/pki/ocsp.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';

/** @param serialNumber undefined for a number that no certificate can have @param issuer who is asked about */
export async function certificateStatus(
  registry: Pick<RegistryReader, 'statusRecord'>,
  serialNumber: SerialNumber | undefined,
  issuer: Fingerprint,
): Promise<OcspStatus> {
  const record = serialNumber && (await registry.statusRecord(serialNumber));
  // Never issued, or by another CA. §2.2 would also allow "revoked"; "unknown" sends who asks to look elsewhere.
  if (record === undefined || record.issuer !== issuer) return { status: 'unknown' };
  const { status, issuedAt, revokedAt, reason } = record;
  if (status === 'active') return { status: 'good' };
  return { status: 'revoked', revokedAt: revokedAt ?? issuedAt, reason: reason ?? 'unspecified' };
}

export function isSameStatus(one: OcspStatus, other: OcspStatus): boolean {
  if (one.status !== 'revoked' || other.status !== 'revoked') return one.status === other.status;
  return one.revokedAt === other.revokedAt && one.reason === other.reason;
}
