/**
 * Certificates alone, by a list of their serial numbers or by the CA that issued them: one transaction, all or nothing.
 * Those that are revoked already may be so for keyCompromise from then on. Their devices are not revoked, and may use
 * another certificate that stands, or enroll anew.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../../core/clock.ts';
import { GatehouseError } from '../../../core/errors.ts';
import type { DeviceId, Fingerprint, SerialNumber } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import { type FinalReason, type RevocationReason, raises } from '../../../core/pki/revocation-reason.ts';
import type { RaisableQuery } from '../../../registry/port/queries.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { CertificateRecord, IssuerRecord } from '../../../registry/records.ts';
import { JournalBatches } from '../../bulk/journal-batches.ts';
import type { EnrollContext } from '../../context.ts';
import { BulkProgress, type BulkTerms, PAGE } from './bulk-terms.ts';
import { RaisedReasons } from './raised-reasons.ts';

interface ReadingContext {
  readonly registry: RegistryReader;
  readonly clock: Clock;
}

export type CertificateTarget =
  /** Each serial number once. */
  | { readonly kind: 'list'; readonly serialNumbers: readonly SerialNumber[] }
  /** All that stand, or are revoked for less, and were issued to devices. Those of Gatehouse's own listeners go with a rollover. */
  | { readonly kind: 'issuer'; readonly issuer: Fingerprint };

/** One that is to be revoked. */
export interface PlannedCertificate {
  readonly serialNumber: SerialNumber;
  readonly issuer: Fingerprint;
  readonly device: DeviceId | null;
  /** What it was revoked for, of which only the reason changes; null where it was not revoked. */
  readonly raisedFrom: RevocationReason | null;
}

/** Those that are not revoked yet, or for less, page by page. @throws GatehouseError `serial_number_unknown`, `issuer_unknown` */
export async function* planCertificates(
  { registry, clock }: ReadingContext,
  target: CertificateTarget,
  reason: FinalReason,
): AsyncGenerator<readonly PlannedCertificate[]> {
  if (target.kind === 'issuer') {
    const { fingerprint } = await issuerOrRefuse(registry, target.issuer);
    // First: later they would be met with those that become it.
    if (raises(null, reason)) yield* raisableOf(registry, fingerprint, clock.now());
    yield* liveOf(registry, fingerprint);
    return;
  }
  for (let from = 0; from < target.serialNumbers.length; from += PAGE) {
    const planned: PlannedCertificate[] = [];
    for (const serialNumber of target.serialNumbers.slice(from, from + PAGE)) {
      const certificate = await certificateOrRefuse(registry, serialNumber);
      const { status, issuer, device, reason: before } = certificate;
      const raisedFrom = status === 'revoked' ? (before ?? 'unspecified') : null;
      if (isRevokedBy(certificate, reason)) planned.push({ serialNumber, issuer, device, raisedFrom });
    }
    if (planned.length > 0) yield planned;
  }
}

/** Whether such a revocation changes anything of it. */
export function isRevokedBy(
  { status, reason: before }: Pick<CertificateRecord, 'status' | 'reason'>,
  reason: FinalReason,
): boolean {
  return status !== 'revoked' || raises(before, reason);
}

/** How many of them change, by the registry as it stands. @throws GatehouseError as `planCertificates` */
export async function countCertificates(
  context: ReadingContext,
  target: CertificateTarget,
  reason: FinalReason,
): Promise<number> {
  let count = 0;
  for await (const page of planCertificates(context, target, reason)) {
    count += page.length;
    await nextTurn();
  }
  return count;
}

/** @returns how many changed @throws GatehouseError as `planCertificates`, and `bulk_unconfirmed` */
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
      (subject: Fingerprint, certificates: readonly Omit<PlannedCertificate, 'issuer' | 'raisedFrom'>[]) =>
        transaction.append({
          action: 'certificates.revoked',
          subject,
          data: { reason, count: certificates.length, certificates },
        }),
    );
    const reasons = new RaisedReasons(transaction);
    let count = 0;
    for await (const page of planCertificates({ registry: transaction, clock }, target, reason)) {
      await progress.next(page);
      const revoked = page.filter(({ raisedFrom }) => raisedFrom === null);
      const serialNumbers = revoked.map(({ serialNumber }) => serialNumber);
      await transaction.setCertificateStatus(serialNumbers, 'revoked', now, reason);
      for (const { serialNumber, issuer, device } of revoked) {
        await journal.add(issuer, { serialNumber, device });
      }
      await reasons.raise(page.filter(({ raisedFrom }) => raisedFrom !== null));
      count += page.length;
    }
    await journal.end();
    await reasons.end();
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

async function issuerOrRefuse(registry: RegistryReader, fingerprint: Fingerprint): Promise<IssuerRecord> {
  const issuer = await registry.issuer(fingerprint);
  if (issuer !== undefined) return issuer;
  throw new GatehouseError('issuer_unknown', `there is no issuer ${fingerprint}`);
}

async function* raisableOf(
  registry: RegistryReader,
  issuer: Fingerprint,
  now: number,
): AsyncGenerator<readonly PlannedCertificate[]> {
  let after: RaisableQuery['after'];
  for (;;) {
    const page = await registry.raisableByIssuer({ issuer, now, limit: PAGE, ...(after && { after }) });
    if (page.length === 0) return;
    yield page.map(({ reason, notAfter: _place, ...one }) => ({ ...one, issuer, raisedFrom: reason }));
    after = page.at(-1);
  }
}

async function* liveOf(
  registry: RegistryReader,
  issuer: Fingerprint,
): AsyncGenerator<readonly PlannedCertificate[]> {
  let after = 0;
  for (;;) {
    const page = await registry.liveCertificates({ issuer, after, limit: PAGE });
    if (page.length === 0) return;
    yield page.map(({ serialNumber, device }) => ({ serialNumber, issuer, device, raisedFrom: null }));
    after = page.at(-1)?.position ?? after;
  }
}
