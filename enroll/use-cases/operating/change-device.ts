/**
 * What an operator does to a device: revoke, suspend, resume, move. Each is one transaction with its journal
 * row, and doing it twice is the same as doing it once, so that a command whose answer was lost can be repeated.
 */
import { GatehouseError } from '../../../core/errors.ts';
import { type DeviceId, type EntityName, quote } from '../../../core/ids.ts';
import type { Actor, JournalEvent } from '../../../core/journal/events.ts';
import type { FinalReason } from '../../../core/pki/revocation-reason.ts';
import type { DeviceRecord } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';
import { deviceOrRefuse, groupOrRefuse } from '../look-ups.ts';
import {
  type DeviceChange,
  type PlannedDevice,
  planDevice,
  writeDevice,
} from '../revoking/device-changes.ts';
import { RaisedReasons } from '../revoking/raised-reasons.ts';

/**
 * For good, until it is reinstated. One that is revoked already may be so for keyCompromise from now on.
 * @throws GatehouseError `device_unknown`
 */
export function revokeDevice(
  context: EnrollContext,
  actor: Actor,
  id: DeviceId,
  reason: FinalReason,
): Promise<void> {
  return changeStatus(context, actor, id, { kind: 'revoke', reason });
}

/** For now: `resumeDevice` takes it back. @throws GatehouseError `device_unknown`, `device_revoked` */
export function suspendDevice(context: EnrollContext, actor: Actor, id: DeviceId): Promise<void> {
  return changeStatus(context, actor, id, { kind: 'suspend' });
}

/** @throws GatehouseError `device_unknown`, `device_revoked` */
export function resumeDevice(context: EnrollContext, actor: Actor, id: DeviceId): Promise<void> {
  return changeStatus(context, actor, id, { kind: 'resume' });
}

function changeStatus(
  { registry, clock }: EnrollContext,
  actor: Actor,
  id: DeviceId,
  change: DeviceChange,
): Promise<void> {
  return registry.write(actor, async (transaction) => {
    const now = clock.now();
    const planned = await planDevice(transaction, await deviceOrRefuse(transaction, id), change, now);
    if (planned === undefined) return;
    if (planned.raised.length > 0) {
      const reasons = new RaisedReasons(transaction);
      await reasons.raise(planned.raised);
      await reasons.end();
      return;
    }
    await writeDevice(transaction, planned, change, now);
    await transaction.append(eventOf(planned, change));
  });
}

function eventOf({ id: subject, serialNumbers }: PlannedDevice, change: DeviceChange): JournalEvent {
  switch (change.kind) {
    case 'revoke':
      return { action: 'device.revoked', subject, data: { reason: change.reason, serialNumbers } };
    case 'suspend':
      return { action: 'device.suspended', subject, data: { serialNumbers } };
    case 'resume':
      return { action: 'device.resumed', subject, data: { serialNumbers } };
  }
}

/**
 * Lets the device enroll by its factory certificate once more, for a new owner or where its key was lost. What it has
 * stands until then. @throws GatehouseError `device_revoked`
 */
export function releaseDevice({ registry, clock }: EnrollContext, actor: Actor, id: DeviceId): Promise<void> {
  return registry.write(actor, async (transaction) => {
    refuseRevoked(await deviceOrRefuse(transaction, id));
    if ((await transaction.releasedAt(id)) !== undefined) return;
    await transaction.recordRelease(id, clock.now());
    await transaction.append({ action: 'device.released', subject: id, data: {} });
  });
}

/** Moves a device to another group, replaces its attributes, or both. @throws GatehouseError `group_unknown` */
export function changeDevice(
  { registry }: EnrollContext,
  actor: Actor,
  id: DeviceId,
  change: { readonly group?: EntityName; readonly attributes?: Readonly<Record<string, string>> },
): Promise<void> {
  return registry.write(actor, async (transaction) => {
    const device = await deviceOrRefuse(transaction, id);
    const { group = device.group, attributes = device.attributes } = change;
    await groupOrRefuse(transaction, group);
    await transaction.updateDevice(id, { group, attributes });
    await transaction.append({ action: 'device.changed', subject: id, data: { group, attributes } });
  });
}

function refuseRevoked(device: DeviceRecord): void {
  if (device.status === 'revoked') {
    throw new GatehouseError('device_revoked', `device ${quote(device.id)} is revoked`);
  }
}
