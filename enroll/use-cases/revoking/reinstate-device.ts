/**
 * The one way back for a revoked device: it may enroll anew. What it had stays revoked, and no key of it that was
 * compromised is certified again.
 */
import { GatehouseError } from '../../../core/errors.ts';
import { type DeviceId, quote } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import type { EnrollContext } from '../../context.ts';
import { deviceOrRefuse } from '../look-ups.ts';

/**
 * Doing it twice is the same as doing it once. A device that enrolled by its factory certificate may do so once more:
 * it has nothing else to come back by. @throws GatehouseError `device_unknown`, `device_suspended`
 */
export function reinstateDevice(
  { registry, clock }: EnrollContext,
  actor: Actor,
  id: DeviceId,
): Promise<void> {
  return registry.write(actor, async (transaction) => {
    const { status } = await deviceOrRefuse(transaction, id);
    if (status === 'active') return;
    if (status === 'suspended') {
      throw new GatehouseError('device_suspended', `device ${quote(id)} is suspended, and not revoked`);
    }
    const released = (await transaction.factoryUse(id)) !== undefined;
    await transaction.reinstateDevice(id);
    if (released) await transaction.recordRelease(id, clock.now());
    await transaction.append({ action: 'device.reinstated', subject: id, data: { released } });
  });
}
