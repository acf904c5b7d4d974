/** The dry run of a policy: what applying it would change, and for how many devices. Reads alone: nothing is written. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PolicyDryRun } from '../../../core/api/policies.ts';
import type { DeviceId, EntityName } from '../../../core/ids.ts';
import { parsePolicy } from '../../../core/policy/policy.ts';
import { diffPolicies, isSame } from '../../../core/policy/policy-diff.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { EnrollContext } from '../../context.ts';

/** Devices that are counted in one go: a millisecond or two, and then others have their turn. */
const STEP = 10_000;
/** A suspended device has the policy once it is resumed; a revoked one has none any more. */
const COUNTED = ['active', 'suspended'] as const;

/**
 * Counted step by step, and so not of one moment.
 * @param document with its name @throws GatehouseError `policy_invalid`, just as applying it would
 */
export async function foretellPolicy(
  { registry }: Pick<EnrollContext, 'registry'>,
  document: unknown,
): Promise<PolicyDryRun> {
  const policy = parsePolicy(document);
  const record = await registry.policy(policy.name);
  const inForce = record && parsePolicy(JSON.parse(record.document));
  const diff = diffPolicies(inForce, policy);
  const groups: { name: EntityName; devices: number }[] = [];
  for (const { name, policy: its } of await registry.groups()) {
    if (its === policy.name) groups.push({ name, devices: await countDevices(registry, name) });
  }
  const changed = isSame(diff) ? 'unchanged' : 'changed';
  return { policy: policy.name, outcome: inForce === undefined ? 'created' : changed, ...diff, groups };
}

async function countDevices(registry: RegistryReader, group: EntityName): Promise<number> {
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
