/** The dry run of a policy: what applying it would change, and for how many devices. Reads alone: nothing is written. */
import type { PolicyDryRun } from '../../../core/api/policies.ts';
import type { EntityName } from '../../../core/ids.ts';
import { parsePolicy } from '../../../core/policy/policy.ts';
import { diffPolicies, isSame } from '../../../core/policy/policy-diff.ts';
import type { EnrollContext } from '../../context.ts';
import { countDevices } from './count-devices.ts';

/** @param document with its name @throws GatehouseError `policy_invalid`, just as applying it would */
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
