/** Moves a device to another group, or gives it other attributes. */
import type { DeviceId, EntityName } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import type { EnrollContext } from '../../context.ts';
import { deviceOrRefuse, groupOrRefuse } from '../look-ups.ts';

/**
 * Replaces its group, its attributes, or both, in one transaction with its journal row. Doing it twice is the same as
 * doing it once. @throws GatehouseError `device_unknown`, `group_unknown`
 */
export function editDevice(
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
