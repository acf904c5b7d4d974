/** One device as operators are shown it, from all that the registry has of it. */
import type { DeviceDetail, PresenceView } from '../../core/api/devices.ts';
import type { DeviceId } from '../../core/ids.ts';
import type { EnrollContext } from '../context.ts';
import { deviceOrRefuse } from '../use-cases/look-ups.ts';
import { presenceView } from './observation-views.ts';
import { deviceDetail } from './views.ts';

type Context = Pick<EnrollContext, 'registry' | 'clock'>;

/** @throws GatehouseError `device_unknown` */
export async function detailOf(context: Context, id: DeviceId): Promise<DeviceDetail> {
  const { registry } = context;
  return deviceDetail(await deviceOrRefuse(registry, id), {
    enrolledAt: await registry.enrolledAt(id),
    certificates: await registry.certificatesOf(id),
    factoryUse: await registry.factoryUse(id),
    releasedAt: await registry.releasedAt(id),
    presence: await presenceOf(context, id),
  });
}

/** Null where it was never seen at the broker. */
export async function presenceOf({ registry, clock }: Context, id: DeviceId): Promise<PresenceView | null> {
  const { observations } = registry;
  return presenceView(await observations.sighting(id), await observations.currentRun(), clock.now());
}
