/**
 * Enrollment, from a token and a CSR to a certificate, exactly once: docs/ARCHITECTURE.md, "How a device
 * enrolls", has the same steps.
 */
import { parseToken, secretMatches } from '../../core/enrollment/token.ts';
import { GatehouseError } from '../../core/errors.ts';
import type { DeviceId, EntityName } from '../../core/ids.ts';
import type { CertificationRequest } from '../../core/pki/csr.ts';
import { issueDeviceCertificate } from '../../core/pki/issue.ts';
import type { PublicKey } from '../../core/pki/public-key.ts';
import type { RegistryTransaction } from '../../registry/port.ts';
import type { CertificateRecord } from '../../registry/records.ts';
import type { EnrollContext } from '../context.ts';
import { type AdmittedRequest, type AskedEnrollment, admitRequest } from './admit-request.ts';
import { certificateRecord, insertIssued } from './certificate-record.ts';

export interface Enrollment {
  readonly deviceId: DeviceId;
  readonly certificate: CertificateRecord;
  /** False where the same token and key had this certificate already. */
  readonly created: boolean;
}

export interface EnrollmentTerms {
  /** What the device presented, whole; undefined where it presented none. */
  readonly token: string | undefined;
  /** Reads and judges what was sent. Called once the token is known. */
  readonly request: () => CertificationRequest;
  /** The group that the device named. */
  readonly group?: EntityName | undefined;
  /** Makes the key to certify in place of the request's, of the same kind. Called once the enrollment is granted. */
  readonly makeKey?: (like: PublicKey) => Promise<PublicKey>;
}

/** @throws GatehouseError `token_*`, `csr_*`, `key_*`, `cn_*`, `device_*`, `server_keygen_disabled`, `issuer_changed` */
export async function enrollDevice(
  { registry, issuing, clock, statusUrl }: EnrollContext,
  { token, request, group, makeKey }: EnrollmentTerms,
): Promise<Enrollment> {
  // Step 1: who asks. Nothing is parsed for somebody without a token.
  if (token === undefined) throw new GatehouseError('token_missing');
  const presented = parseToken('enrollment', token);
  const known = presented && (await registry.token(presented.id));
  if (!presented || !secretMatches(presented.secret, known?.secretHash))
    throw new GatehouseError('token_unknown');

  // Step 2: what is asked for. The CSR proves that its sender holds the private key (RFC 2986 §3, note 2).
  const keyFrom = makeKey === undefined ? 'device' : 'server';
  const asked: AskedEnrollment = {
    tokenId: presented.id,
    request: request(),
    group: group ?? null,
    keyFrom,
  };

  // Step 3: whether it may be. A refusal here costs no signature, and no key.
  const now = clock.now();
  const admitted = await admitRequest(registry, asked, now);
  if (admitted.kind === 'repeated') return repeated(admitted);

  // Step 4: sign. The certificate is nobody's yet: until step 5 commits, it exists in this function alone.
  const issuer = issuing.current();
  const publicKey = (await makeKey?.(asked.request.publicKey)) ?? asked.request.publicKey;
  const certificate = await issueDeviceCertificate({
    issuer,
    profile: admitted.profile,
    deviceId: admitted.deviceId,
    publicKey,
    now,
    statusUrl,
  });

  // Step 5: decide again and record it, in one durable transaction. Of two that race, one is told 'repeated'
  // or refused, and its signature is thrown away.
  return registry.write(`token:${presented.id}`, async (transaction) => {
    const decided = await admitRequest(transaction, asked, now);
    if (decided.kind === 'repeated') return repeated(decided);
    const record = certificateRecord({
      certificate,
      device: decided.deviceId,
      issuer: issuer.certificate.fingerprint,
      issuedAt: now,
      renews: null,
    });
    await recordEnrollment(transaction, asked, decided, record);
    return { deviceId: decided.deviceId, certificate: record, created: true };
  });
}

function repeated({ device, certificate }: AdmittedRequest & { kind: 'repeated' }): Enrollment {
  return { deviceId: device, certificate, created: false };
}

async function recordEnrollment(
  transaction: RegistryTransaction,
  { tokenId, keyFrom }: AskedEnrollment,
  { deviceId, device, group }: AdmittedRequest & { kind: 'granted' },
  certificate: CertificateRecord,
): Promise<void> {
  const { serialNumber, fingerprint, keyFingerprint, issuer, notAfter, issuedAt } = certificate;
  if (device === undefined) {
    await transaction.insertDevice({
      id: deviceId,
      group: group.name,
      status: 'active',
      attributes: {},
      createdAt: issuedAt,
      changedAt: issuedAt,
    });
  }
  // Who enrolls anew has lost or replaced the old key: what it protected must not stay usable.
  const superseded = (await transaction.certificatesOf(deviceId))
    .filter(({ status }) => status === 'active')
    .map((old) => old.serialNumber);
  await transaction.setCertificateStatus(superseded, 'superseded', issuedAt, 'superseded');
  await insertIssued(transaction, certificate);
  await transaction.recordTokenUse(tokenId, keyFingerprint, serialNumber);
  await transaction.append({
    action: 'device.enrolled',
    subject: deviceId,
    data: {
      serialNumber,
      fingerprint,
      issuer,
      notAfter,
      group: group.name,
      token: tokenId,
      superseded,
      ...(keyFrom === 'server' ? { keyFrom } : {}),
    },
  });
}
