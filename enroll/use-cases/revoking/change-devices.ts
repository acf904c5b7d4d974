/**
 * Devices, one or many, by a list of their IDs or by their group: one transaction, all or nothing. What is done already
 * is no mistake, so that a call whose answer was lost can be repeated.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DeviceId, EntityName } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { DeviceRecord } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';
import { deviceOrRefuse, groupOrRefuse } from '../look-ups.ts';
import { BulkProgress, type BulkTerms, PAGE } from './bulk-terms.ts';
import { changeJournal } from './change-journal.ts';
import {
  changing,
  concernedBy,
  concerns,
  type DeviceAction,
  type PlannedDevice,
  planDevice,
  writeDevice,
} from './device-action.ts';
import { RaisedReasons } from './raised-reasons.ts';

export type DeviceTarget =
  /** Each ID once. */
  | { readonly kind: 'list'; readonly ids: readonly DeviceId[] }
  | { readonly kind: 'group'; readonly group: EntityName };

export interface DeviceCounts {
  readonly devices: number;
  /** Of these devices, those that changed with them. */
  readonly certificates: number;
}

/**
 * Those that change, page by page; a page may be empty. @throws GatehouseError `device_unknown`, `device_revoked`,
 * `group_unknown`
 */
export async function* planDevices(
  registry: RegistryReader,
  target: DeviceTarget,
  change: DeviceAction,
  now: number,
): AsyncGenerator<readonly PlannedDevice[]> {
  for await (const page of devicesOf(registry, target, change)) {
    const planned: PlannedDevice[] = [];
    for (const device of page) {
      const one = await planDevice(registry, device, change, now);
      if (one !== undefined) planned.push(one);
    }
    yield planned;
  }
}

/** How many of a group it concerns, by the registry as it stands. @throws GatehouseError `group_unknown` */
export async function countDevices(
  registry: RegistryReader,
  target: DeviceTarget,
  change: DeviceAction,
  now: number,
): Promise<number> {
  let count = 0;
  for await (const page of devicesOf(registry, target, change)) {
    for (const device of page) if (await concerns(registry, device, change, now)) count += 1;
    await nextTurn();
  }
  return count;
}

/** @throws GatehouseError as `planDevices`, and `bulk_unconfirmed` */
export function changeDevices(
  { registry, clock }: Pick<EnrollContext, 'registry' | 'clock'>,
  actor: Actor,
  target: DeviceTarget,
  change: DeviceAction,
  terms: BulkTerms<PlannedDevice>,
): Promise<DeviceCounts> {
  return registry.write(actor, async (transaction) => {
    const now = clock.now();
    const progress = new BulkProgress(transaction, terms);
    const journal = changeJournal(transaction, change);
    const reasons = new RaisedReasons(transaction);
    const counts = { devices: 0, certificates: 0 };
    for await (const page of planDevices(transaction, target, change, now)) {
      await progress.next(page);
      for (const device of page) {
        await reasons.raise(device.raised);
        if (device.changes) {
          await writeDevice(transaction, device, change, now);
          await journal.add(device.group, device);
        }
        counts.devices += 1;
        counts.certificates += changing(device).length;
      }
    }
    await journal.end();
    await reasons.end();
    return counts;
  });
}

/** @throws GatehouseError as `planDevices` */
export async function changeOneDevice(
  context: Pick<EnrollContext, 'registry' | 'clock'>,
  actor: Actor,
  id: DeviceId,
  change: DeviceAction,
): Promise<void> {
  const terms = { atMost: 1, onWritten: () => undefined };
  await changeDevices(context, actor, { kind: 'list', ids: [id] }, change, terms);
}

async function* devicesOf(
  registry: RegistryReader,
  target: DeviceTarget,
  change: DeviceAction,
): AsyncGenerator<readonly DeviceRecord[]> {
  if (target.kind === 'list') {
    for (let from = 0; from < target.ids.length; from += PAGE) {
      const page: DeviceRecord[] = [];
      for (const id of target.ids.slice(from, from + PAGE)) page.push(await deviceOrRefuse(registry, id));
      yield page;
    }
    return;
  }
  const { name: group } = await groupOrRefuse(registry, target.group);
  for (const status of concernedBy(change)) {
    let after: DeviceId | undefined;
    for (;;) {
      const page = await registry.devices({ group, status, limit: PAGE, ...(after && { after }) });
      yield page;
      after = page.at(-1)?.id;
      if (page.length < PAGE) break;
    }
  }
}
