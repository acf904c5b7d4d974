/** What a device may do, by the registry as it stands: for those who are not connected. */
import { GatehouseError } from '../../core/errors.ts';
import { bindPolicy, type Grants } from '../../core/policy/grants.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { DeviceRecord } from '../../registry/records.ts';
import type { PolicyCache } from './policy-cache.ts';

export interface GrantSources {
  readonly registry: Pick<RegistryReader, 'group' | 'policy'>;
  readonly policies: PolicyCache;
}

/** @throws GatehouseError `policy_unknown`, `policy_invalid`; the registry's error where it cannot be asked */
export async function grantsOfDevice(
  device: DeviceRecord,
  { registry, policies }: GrantSources,
): Promise<Grants> {
  const group = await registry.group(device.group);
  const policy = group && (await registry.policy(group.policy));
  if (policy === undefined) throw new GatehouseError('policy_unknown');
  return bindPolicy(policies.parse(policy), device);
}
