/** The record of a certificate that has just been signed, and its way into the registry. */
import { GatehouseError } from '../../../core/errors.ts';
import type { DeviceId, Fingerprint, SerialNumber } from '../../../core/ids.ts';
import type { IssuedCertificate } from '../../../core/pki/issue.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import type { CertificateRecord } from '../../../registry/records.ts';

export interface NewCertificate {
  readonly certificate: IssuedCertificate;
  /** Null for a certificate of Gatehouse's own listeners. */
  readonly device: DeviceId | null;
  /** Of the CA certificate that issued it. */
  readonly issuer: Fingerprint;
  readonly issuedAt: number;
  /** The certificate that it renews, null where it is the first of its kind. */
  readonly renews: SerialNumber | null;
}

export function certificateRecord({ certificate, ...terms }: NewCertificate): CertificateRecord {
  const { serialNumber, fingerprint, keyFingerprint, notBefore, notAfter, der } = certificate;
  return {
    serialNumber,
    fingerprint,
    keyFingerprint,
    notBefore,
    notAfter,
    der,
    ...terms,
    status: 'active',
    revokedAt: null,
    reason: null,
    firstUsedAt: null,
    statusSeq: null,
  };
}

/**
 * Its issuer may have been retired since it signed: nobody would admit the certificate.
 * @throws GatehouseError `terms_changed`
 */
export async function insertIssued(
  transaction: RegistryTransaction,
  certificate: CertificateRecord,
): Promise<void> {
  if ((await transaction.issuer(certificate.issuer))?.status === 'retired') {
    throw new GatehouseError('terms_changed', 'the CA that signed has been retired since the request came');
  }
  await transaction.insertCertificate(certificate);
}
