/** What the journal tells of a change of devices: rows of many each where many change, and of one where one does. */
import type { EntityName } from '../../../core/ids.ts';
import type { JournalEvent } from '../../../core/journal/events.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import { JournalBatches } from '../../bulk/journal-batches.ts';
import type { DeviceAction, GroupAction, PlannedDevice } from './device-action.ts';

/** To be given each device that changes, with its group. One that shares its row with no other has it as if it were the only one. */
export function changeJournal(
  transaction: RegistryTransaction,
  change: DeviceAction,
): JournalBatches<EntityName, PlannedDevice> {
  return new JournalBatches(async (group: EntityName, planned: readonly PlannedDevice[]): Promise<void> => {
    const [only, ...others] = planned;
    if (only !== undefined && others.length === 0) return transaction.append(eventOf(only, change));
    switch (change.kind) {
      case 'reinstate':
      case 'release':
        for (const device of planned) await transaction.append(eventOf(device, change));
        return;
      default:
        return transaction.append(eventOfMany(group, planned, change));
    }
  });
}

function eventOf(device: PlannedDevice, change: DeviceAction): JournalEvent {
  const { id: subject, serialNumbers, released } = device;
  switch (change.kind) {
    case 'revoke':
      return { action: 'device.revoked', subject, data: { reason: change.reason, serialNumbers } };
    case 'suspend':
      return { action: 'device.suspended', subject, data: { serialNumbers } };
    case 'resume':
      return { action: 'device.resumed', subject, data: { serialNumbers } };
    case 'reinstate':
      return { action: 'device.reinstated', subject, data: { released } };
    case 'release':
      return { action: 'device.released', subject, data: {} };
  }
}

function eventOfMany(
  subject: EntityName,
  planned: readonly PlannedDevice[],
  change: GroupAction,
): JournalEvent {
  const devices = planned.map(({ id, serialNumbers }) => ({ id, serialNumbers }));
  const data = { count: devices.length, devices };
  switch (change.kind) {
    case 'revoke':
      return { action: 'devices.revoked', subject, data: { ...data, reason: change.reason } };
    case 'suspend':
      return { action: 'devices.suspended', subject, data };
    case 'resume':
      return { action: 'devices.resumed', subject, data };
  }
}
