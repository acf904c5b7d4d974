/** The block-list: public keys that no device may enroll or renew with. */
import type { ImportResult } from '../../../core/api/import.ts';
import { type BlockedKeyEntry, parseBlockedKeyEntry } from '../../../core/enrollment/blocked-key-entry.ts';
import type { Fingerprint } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import type { BlockedKeyRecord } from '../../../registry/records.ts';
import { JournalBatches } from '../../bulk/journal-batches.ts';
import { LineErrors } from '../../bulk/line-errors.ts';
import { type Numbered, readEntries } from '../../bulk/read-entries.ts';
import { type OnWritten, writeEntries } from '../../bulk/write-entries.ts';
import type { EnrollContext } from '../../context.ts';

export interface CheckedKeys {
  readonly entries: readonly Numbered<BlockedKeyEntry>[];
  /** What an import would do. */
  readonly counts: Readonly<Omit<ImportResult, 'dryRun'>>;
}

type Context = Pick<EnrollContext, 'registry' | 'clock'>;

export interface BlockedKey {
  readonly record: BlockedKeyRecord;
  /** Whether it was blocked before: then it stays as it was, note included. */
  readonly wasBlocked: boolean;
}

/** No device can enroll this key from then on; certificates it already has stand until revoked. */
export function blockKey(
  { registry, clock }: Context,
  actor: Actor,
  { fingerprint, note }: BlockedKeyEntry,
): Promise<BlockedKey> {
  return registry.write(actor, async (transaction) => {
    const before = await transaction.blockedKey(fingerprint);
    if (before !== undefined) return { record: before, wasBlocked: true };
    const record = { keyFingerprint: fingerprint, note, blockedAt: clock.now() };
    await transaction.blockKey(fingerprint, note, record.blockedAt);
    await transaction.append({ action: 'key.blocked', subject: fingerprint, data: { note } });
    return { record, wasBlocked: false };
  });
}

/** @throws GatehouseError `key_not_blocked` */
export function unblockKey({ registry }: Context, actor: Actor, fingerprint: Fingerprint): Promise<void> {
  return registry.write(actor, async (transaction) => {
    await transaction.unblockKey(fingerprint);
    await transaction.append({ action: 'key.unblocked', subject: fingerprint, data: {} });
  });
}

/**
 * Step 1 of an import: reads and checks it whole, and writes nothing. A key may be named again: lists that are put
 * together overlap. @throws LinesRefused @throws GatehouseError `list_too_large`, `body_invalid`
 */
export async function checkKeys(
  { registry }: Pick<Context, 'registry'>,
  body: AsyncIterable<Uint8Array>,
): Promise<CheckedKeys> {
  const errors = new LineErrors();
  const counts = { imported: 0, unchanged: 0, updated: 0 };
  const named = new Set<Fingerprint>();
  const entries = await readEntries(body, errors, async (value) => {
    const entry = parseBlockedKeyEntry(value);
    const there = named.has(entry.fingerprint) || (await registry.isKeyBlocked(entry.fingerprint));
    named.add(entry.fingerprint);
    counts[there ? 'unchanged' : 'imported'] += 1;
    return entry;
  });
  errors.refuse();
  return { entries, counts };
}

/** Step 2: all of them in one transaction. The note of a key that is blocked already stays. */
export function writeKeys(
  { registry, clock }: Context,
  actor: Actor,
  { entries }: Pick<CheckedKeys, 'entries'>,
  onWritten: OnWritten,
): Promise<CheckedKeys['counts']> {
  return registry.write(actor, async (transaction) => {
    const now = clock.now();
    const counts = { imported: 0, unchanged: 0, updated: 0 };
    const journal = new JournalBatches((subject: 'block-list', keys: readonly BlockedKeyEntry[]) =>
      transaction.append({ action: 'keys.blocked', subject, data: { count: keys.length, keys } }),
    );
    await writeEntries(transaction, entries, onWritten, async (entry) => {
      const { fingerprint, note } = entry;
      const there = await transaction.isKeyBlocked(fingerprint);
      counts[there ? 'unchanged' : 'imported'] += 1;
      if (there) return;
      await transaction.blockKey(fingerprint, note, now);
      await journal.add('block-list', entry);
    });
    await journal.end();
    return counts;
  });
}
