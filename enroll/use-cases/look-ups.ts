/** What a use case cannot go on without: it is found, or the request is refused. */
import { GatehouseError } from '../../core/errors.ts';
import { type DeviceId, type EntityName, quote } from '../../core/ids.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { DeviceRecord, GroupRecord } from '../../registry/records.ts';

/** @throws GatehouseError `device_unknown` */
export async function deviceOrRefuse(registry: RegistryReader, id: DeviceId): Promise<DeviceRecord> {
  const device = await registry.device(id);
  if (device === undefined) throw new GatehouseError('device_unknown', `there is no device ${quote(id)}`);
  return device;
}

/** @throws GatehouseError `group_unknown` */
export async function groupOrRefuse(registry: RegistryReader, name: EntityName): Promise<GroupRecord> {
  const group = await registry.group(name);
  if (group === undefined) throw new GatehouseError('group_unknown', `there is no group ${quote(name)}`);
  return group;
}
