/**
 * What is stored, held against the registry at the start: the journal tells only of what changes from then on. Whatever
 * belongs to a device that is revoked or is not known goes, and so does what is from before the last revocation of one
 * that was reinstated since; of the others' subscriptions, those that are not granted any more. A suspended device may
 * come back, and keeps what it has.
 */
import { GatehouseError } from '../../core/errors.ts';
import { type DeviceId, isDeviceId } from '../../core/ids.ts';
import { decideSubscribe } from '../../core/policy/decide.ts';
import type { Grants } from '../../core/policy/grants.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { DeviceRecord } from '../../registry/records.ts';
import type { Logger } from '../../runtime/log.ts';
import { grantsOfDevice } from '../admission/device-grants.ts';
import type { PolicyCache } from '../admission/policy-cache.ts';
import type { JournalPlace } from '../persistence/applied-revocations.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';
import type { DurableSessions } from './durable-sessions.ts';

export interface StoredSessionsOptions {
  readonly registry: RegistryReader;
  /** Where its journal ended before the registry is asked: what is revoked after that, the journal's reader is told. */
  readonly place: JournalPlace;
  readonly policies: PolicyCache;
  readonly store: GuardedStore;
  readonly durable: DurableSessions;
  readonly log: Logger;
}

/** Before anybody is let in. What it ends is durable when it resolves. Rejects where the registry, or the store, fails. */
export async function reviewStoredSessions(options: StoredSessionsOptions): Promise<void> {
  const { registry, place, store, durable, log } = options;
  const { revocations, wills } = store.database;
  if (!(await isOf(registry, revocations.applied))) revocations.forget();
  const removals: Promise<unknown>[] = [];
  for (const owner of new Set([...durable.devices(), ...store.retained.owners(), ...wills.owners()])) {
    const device = isDeviceId(owner) ? await registry.device(owner) : undefined;
    if (device === undefined || (await isGone(device, options))) {
      log.info({ device: owner }, 'what a device that is gone had stored is removed');
      removals.push(durable.discardAll(owner));
      store.retained.removeAllOf(owner);
    } else {
      const grants = await grantsOrNone(device, options);
      if (grants !== null) removals.push(...endDeniedSubscriptions(device.id, grants, options));
    }
  }
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

/** None where its policy cannot be told: then it cannot connect either, and nothing is delivered to it. */
async function grantsOrNone(device: DeviceRecord, options: StoredSessionsOptions): Promise<Grants | null> {
  try {
    return await grantsOfDevice(device, options);
  } catch (error) {
    if (error instanceof GatehouseError) return null;
    throw error;
  }
}

function endDeniedSubscriptions(
  device: DeviceId,
  grants: Grants,
  { store, durable, log }: StoredSessionsOptions,
): Promise<void>[] {
  return durable.of(device).map((clientId) => {
    const filters = [...(store.database.sessions.get(clientId)?.subscriptions.keys() ?? [])];
    const denied = filters.filter((filter) => !decideSubscribe(grants, filter).allowed);
    if (denied.length > 0) log.warn({ clientId, denied }, 'stored subscriptions are not granted any more');
    return store.removeSubscriptions({ id: clientId }, denied);
  });
}
