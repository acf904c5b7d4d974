/**
 * Certificates alone, by a list of their serial numbers or by the CA that issued them: one transaction, all or nothing.
 * Their devices are not revoked, and may use another certificate that stands, or enroll anew.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { GatehouseError } from '../../../core/errors.ts';
import type { DeviceId, Fingerprint, SerialNumber } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import type { FinalReason } from '../../../core/pki/revocation-reason.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { CertificateRecord } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';
import { JournalBatches } from '../../imports/journal-batches.ts';
import { BulkProgress, type BulkTerms, PAGE } from './bulk.ts';

export type CertificateTarget =
  /** Each serial number once. */
  | { readonly kind: 'list'; readonly serialNumbers: readonly SerialNumber[] }
  /** All that stand and were issued to devices. Those of Gatehouse's own listeners go with a rollover. */
  | { readonly kind: 'issuer'; readonly issuer: Fingerprint };

/** One that is to be revoked. */
export interface PlannedCertificate {
  readonly serialNumber: SerialNumber;
  readonly issuer: Fingerprint;
  readonly device: DeviceId | null;
}

/** Those that are not revoked yet, page by page. @throws GatehouseError `serial_number_unknown`, `issuer_unknown` */
export async function* planCertificates(
  registry: RegistryReader,
  target: CertificateTarget,
): AsyncGenerator<readonly PlannedCertificate[]> {
  if (target.kind === 'issuer') {
    yield* liveOf(registry, target.issuer);
    return;
  }
  for (let from = 0; from < target.serialNumbers.length; from += PAGE) {
    const planned: PlannedCertificate[] = [];
    for (const serialNumber of target.serialNumbers.slice(from, from + PAGE)) {
      const { status, issuer, device } = await certificateOrRefuse(registry, serialNumber);
      if (status !== 'revoked') planned.push({ serialNumber, issuer, device });
    }
    if (planned.length > 0) yield planned;
  }
}

/** How many of them are not revoked yet, by the registry as it stands. @throws GatehouseError as `planCertificates` */
export async function countCertificates(
  registry: RegistryReader,
  target: CertificateTarget,
): Promise<number> {
  let count = 0;
  for await (const page of planCertificates(registry, target)) {
    count += page.length;
    await nextTurn();
  }
  return count;
}

/** @returns how many were revoked @throws GatehouseError as `planCertificates`, and `bulk_unconfirmed` */
export function revokeCertificates(
  { registry, clock }: Pick<EnrollContext, 'registry' | 'clock'>,
  actor: Actor,
  target: CertificateTarget,
  reason: FinalReason,
  terms: BulkTerms<PlannedCertificate>,
): Promise<number> {
  return registry.write(actor, async (transaction) => {
    const now = clock.now();
    const progress = new BulkProgress(transaction, terms);
    const journal = new JournalBatches(
      (subject: Fingerprint, certificates: readonly Omit<PlannedCertificate, 'issuer'>[]) =>
        transaction.append({
          action: 'certificates.revoked',
          subject,
          data: { reason, count: certificates.length, certificates },
        }),
    );
    let count = 0;
    for await (const page of planCertificates(transaction, target)) {
      await progress.next(page);
      const serialNumbers = page.map(({ serialNumber }) => serialNumber);
      await transaction.setCertificateStatus(serialNumbers, 'revoked', now, reason);
      for (const { issuer, ...certificate } of page) await journal.add(issuer, certificate);
      count += page.length;
    }
    await journal.end();
    return count;
  });
}

/** @throws GatehouseError `serial_number_unknown` */
export async function certificateOrRefuse(
  registry: RegistryReader,
  serialNumber: SerialNumber,
): Promise<CertificateRecord> {
  const certificate = await registry.certificateBySerial(serialNumber);
  if (certificate !== undefined) return certificate;
  throw new GatehouseError('serial_number_unknown', `the registry has no certificate ${serialNumber}`);
}

async function* liveOf(
  registry: RegistryReader,
  issuer: Fingerprint,
): AsyncGenerator<readonly PlannedCertificate[]> {
  if ((await registry.issuer(issuer)) === undefined) {
    throw new GatehouseError('issuer_unknown', `there is no issuer ${issuer}`);
  }
  let after = 0;
  for (;;) {
    const page = await registry.liveCertificates({ issuer, after, limit: PAGE });
    if (page.length === 0) return;
    yield page.map(({ serialNumber, device }) => ({ serialNumber, issuer, device }));
    after = page.at(-1)?.position ?? after;
  }
}
