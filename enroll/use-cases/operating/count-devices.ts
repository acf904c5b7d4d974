/** How many devices of a group a change concerns: step by step along an index, however many there are. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DeviceId, EntityName } from '../../../core/ids.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';

/** Devices that are counted in one go: a millisecond or two, and then others have their turn. */
const STEP = 10_000;
/** A suspended device is concerned once it is resumed; a revoked one no more. */
const COUNTED = ['active', 'suspended'] as const;

/** Those that are not revoked. Counted step by step, and so not of one moment. */
export async function countDevices(registry: RegistryReader, group: EntityName): Promise<number> {
  let sum = 0;
  for (const status of COUNTED) {
    for (let after: DeviceId | null | undefined; after !== null; ) {
      const query = { group, status, limit: STEP, ...(after !== undefined && { after }) };
      const { devices, last } = await registry.countDevices(query);
      sum += devices;
      after = devices < STEP ? null : last;
      await nextTurn();
    }
  }
  return sum;
}
