/**
 * What is stored, held against the registry at the start: the journal tells only of what changes from then on. Whatever
 * belongs to a device that is revoked or is not known goes, and so does what is from before the last revocation of one
 * that was reinstated since; of the others' subscriptions, those that are not granted any more. A suspended device may
 * come back, and keeps what it has.
 */
import { isDeviceId } from '../../core/ids.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { DeviceRecord } from '../../registry/records.ts';
import type { Logger } from '../../runtime/log.ts';
import type { StoredSubscriptions } from '../authorization/stored-subscriptions.ts';
import type { JournalPlace } from '../persistence/applied-revocations.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';
import type { DurableSessions } from './durable-sessions.ts';

export interface StoredSessionsOptions {
  readonly registry: RegistryReader;
  /** Where its journal ended before the registry is asked: what is revoked after that, the journal's reader is told. */
  readonly place: JournalPlace;
  readonly subscriptions: StoredSubscriptions;
  readonly store: GuardedStore;
  readonly durable: DurableSessions;
  readonly log: Logger;
}

/** Before anybody is let in. What it ends is durable when it resolves. Rejects where the registry, or the store, fails. */
export async function reviewStoredSessions(options: StoredSessionsOptions): Promise<void> {
  const { registry, place, subscriptions, store, durable, log } = options;
  const { revocations, wills } = store.database;
  if (!(await isOf(registry, revocations.applied))) revocations.forget();
  const removals: Promise<unknown>[] = [];
  let denied = 0;
  for (const owner of new Set([...durable.devices(), ...store.retained.owners(), ...wills.owners()])) {
    const device = isDeviceId(owner) ? await registry.device(owner) : undefined;
    if (device === undefined || (await isGone(device, options))) {
      log.info({ device: owner }, 'what a device that is gone had stored is removed');
      removals.push(durable.discardAll(owner));
      store.retained.removeAllOf(owner);
    } else {
      denied += await subscriptions.endDenied(device);
    }
  }
  if (denied > 0) log.warn({ denied }, 'stored subscriptions are not granted any more');
  await Promise.all(removals);
  revocations.noteApplied(place);
  await store.database.flush();
}

async function isGone(
  { id, status }: DeviceRecord,
  { registry, store }: StoredSessionsOptions,
): Promise<boolean> {
  if (status === 'revoked') return true;
  return store.database.revocations.isOutstanding(id, (await registry.revokedSeq(id)) ?? null);
}

/**
 * Whether the registry's journal has this very row. One that is in an archive alone by now was applied so long ago that
 * what is stored may as well be of another history.
 */
async function isOf(registry: RegistryReader, { seq, hash }: JournalPlace): Promise<boolean> {
  const [row] = await registry.journal(seq - 1, 1);
  return row?.seq === seq && row.hash === hash;
}
