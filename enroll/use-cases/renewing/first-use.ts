/**
 * The second phase of a renewal: the new certificate was used for the first time, so its device has it, and those
 * that it takes over from have had their time.
 */
import type { Fingerprint, SerialNumber } from '../../../core/ids.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import type { CertificateRecord } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';

/** One that renews another and that nobody has used yet: whether its device ever got it is not known. */
export function isUnusedRenewal({ status, renews, firstUsedAt }: CertificateRecord): boolean {
  return status === 'active' && renews !== null && firstUsedAt === null;
}

/** Of a certificate. */
export interface FirstUse {
  readonly fingerprint: Fingerprint;
  /** ms since the epoch. */
  readonly time: number;
}

/** What the broker tells. To be told again, or of a certificate that stands no more, changes nothing. */
export async function noteFirstUse(
  { registry, clock }: Pick<EnrollContext, 'registry' | 'clock'>,
  { fingerprint, time }: FirstUse,
): Promise<void> {
  // Whatever else is told must not keep others from writing.
  if ((await unusedRenewal(registry, fingerprint)) === undefined) return;
  await registry.write('system', async (transaction) => {
    const certificate = await unusedRenewal(transaction, fingerprint);
    if (certificate === undefined) return;
    // The broker's word counts for no more than it can know: nothing is used in the future, or before it was there. A
    // time that X.509 cannot write, once recorded, would be the end of CRLs.
    const at = Math.max(certificate.issuedAt, Math.min(time, clock.now()));
    await takeOver(transaction, certificate, at);
  });
}

async function unusedRenewal(registry: RegistryReader, fingerprint: Fingerprint) {
  const certificate = await registry.certificate(fingerprint);
  return certificate !== undefined && isUnusedRenewal(certificate) ? certificate : undefined;
}

/** Supersedes what `certificate` renews, and what that has renewed. @param certificate an unused renewal */
export async function takeOver(
  transaction: RegistryTransaction,
  certificate: CertificateRecord,
  at: number,
): Promise<void> {
  const { serialNumber, device } = certificate;
  if (device === null) return;
  const serialNumbers = await activePredecessors(transaction, certificate);
  await transaction.recordFirstUse(serialNumber, at);
  await transaction.setCertificateStatus(serialNumbers, 'superseded', at);
  await transaction.append({
    action: 'certificate.superseded',
    subject: device,
    data: { serialNumbers, by: serialNumber },
  });
}

async function activePredecessors(transaction: RegistryTransaction, { renews }: CertificateRecord) {
  const serialNumbers: SerialNumber[] = [];
  for (let next = renews; next !== null; ) {
    const predecessor = await transaction.certificateBySerial(next);
    if (predecessor?.status !== 'active') break;
    serialNumbers.push(predecessor.serialNumber);
    next = predecessor.renews;
  }
  return serialNumbers;
}
