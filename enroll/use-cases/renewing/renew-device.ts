/**
 * Renewal, from a certificate and a CSR to the certificate that takes its place: docs/ARCHITECTURE.md, "How a
 * certificate is renewed", has the same steps. For both POST /v1/renew and EST's simplereenroll.
 */
import type { CertificationRequest } from '../../../core/pki/csr.ts';
import { issueDeviceCertificate } from '../../../core/pki/issue.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import type { CertificateRecord } from '../../../registry/records.ts';
import { type PeerCertificate, verifyPeer } from '../../../runtime/peer-certificate.ts';
import type { EnrollContext } from '../../context.ts';
import type { Enrollment } from '../enrolling/enroll-device.ts';
import { certificateRecord, insertIssued } from '../issuing/certificate-record.ts';
import { refuseChangedTerms } from '../issuing/certificate-terms.ts';
import { type AdmittedRenewal, admitRenewal } from './admit-renewal.ts';
import { isUnusedRenewal, takeOver } from './first-use.ts';

export interface RenewalRequest {
  /** What the device showed in the TLS handshake; undefined where it showed none. */
  readonly peer: PeerCertificate | undefined;
  /** Reads and judges what was sent: a CSR with the key of that certificate, or a new one. Called once it is known who asks. */
  readonly request: () => CertificationRequest;
  /** What the protocol at hand asks of the request besides: throws where that is not met by the certificate to renew. */
  readonly checkAgainst?: (request: CertificationRequest, current: CertificateRecord) => void;
}

/**
 * @throws GatehouseError `certificate_*`, `device_*`, `csr_*`, `cn_not_allowed`, `key_*`, `attribute_missing`,
 * `certificate_name_invalid`, `issuer_retired`, `terms_changed`
 */
export async function renewDevice(
  { registry, issuing, clock, statusUrl, crlShards, ownHostnames }: EnrollContext,
  { peer, request, checkAgainst }: RenewalRequest,
): Promise<Enrollment> {
  // Step 1: who asks. TLS has proven that the device holds the key of the certificate it shows. Whether that is in
  // time, or within the grace of its group, is for step 2. Nothing is parsed for somebody without a certificate.
  const verified = verifyPeer(peer, { ignorePeriod: true });
  const csr = request();
  const asked = { peer: verified, csr, checkAgainst };

  // Step 2: whether it may be. A refusal here costs no signature.
  const now = clock.now();
  const admitted = await admitRenewal(registry, asked, now);
  if (admitted.kind === 'repeated') return repeated(admitted);

  // Step 3: sign. The certificate is nobody's yet: until step 4 commits, it exists in this function alone.
  const issuer = issuing.current();
  const certificate = await issueDeviceCertificate({
    issuer,
    ...admitted.terms,
    publicKey: csr.publicKey,
    now,
    statusUrl,
    crlShards,
    reservedHostnames: ownHostnames,
  });

  // Step 4: decide again and record it, in one durable transaction. The old certificate stands beside the new one
  // until that is first used, so a lost answer costs nothing.
  return registry.write(`device:${admitted.device.id}`, async (transaction) => {
    const decided = await admitRenewal(transaction, asked, now);
    if (decided.kind === 'repeated') return repeated(decided);
    refuseChangedTerms(admitted.terms, decided.terms);
    const { device, current } = decided;
    const record = certificateRecord({
      certificate,
      device: device.id,
      issuer: issuer.certificate.fingerprint,
      issuedAt: now,
      renews: current.serialNumber,
    });
    await recordRenewal(transaction, decided, record);
    return { deviceId: device.id, certificate: record, created: true };
  });
}

function repeated({ device, certificate }: AdmittedRenewal & { kind: 'repeated' }): Enrollment {
  return { deviceId: device.id, certificate, created: false };
}

async function recordRenewal(
  transaction: RegistryTransaction,
  { device, current, unused }: AdmittedRenewal & { kind: 'granted' },
  certificate: CertificateRecord,
): Promise<void> {
  const { serialNumber, fingerprint, issuer, notAfter, issuedAt } = certificate;
  // Who renews by a certificate has it: as good a first use as one at the broker.
  if (isUnusedRenewal(current)) await takeOver(transaction, current, issuedAt);
  await insertIssued(transaction, certificate);
  await transaction.append({
    action: 'device.renewed',
    subject: device.id,
    data: { serialNumber, fingerprint, issuer, notAfter, renews: current.serialNumber },
  });
  // At most one successor waits for its first use: those before it would only pile up.
  if (unused.length === 0) return;
  const replaced = unused.map((one) => one.serialNumber);
  await transaction.setCertificateStatus(replaced, 'superseded', issuedAt);
  await transaction.append({
    action: 'certificate.superseded',
    subject: device.id,
    data: { serialNumbers: replaced, by: serialNumber },
  });
}
