/** The dry run of a group: what applying it would change, of the group and of what its devices may do. Reads alone. */
import type { GroupChange, GroupDryRun } from '../../../core/api/groups.ts';
import { parsePolicy } from '../../../core/policy/policy.ts';
import { diffPolicies } from '../../../core/policy/policy-diff.ts';
import type { GroupRecord } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';
import { groupTerms } from './apply-documents.ts';
import { countDevices } from './count-devices.ts';

const fields = ['policy', 'profile', 'renewalGrace', 'approval', 'description'] as const;

/** @throws GatehouseError `policy_unknown`, `profile_unknown`, just as applying it would */
export async function foretellGroup(
  { registry }: Pick<EnrollContext, 'registry'>,
  group: GroupRecord,
): Promise<GroupDryRun> {
  const { policy } = await groupTerms(registry, group);
  const inForce = await registry.group(group.name);
  const before = inForce && (await registry.policy(inForce.policy));
  const changes = fields
    .map((field): GroupChange => {
      const from = inForce === undefined ? null : fieldOf(inForce, field);
      return { field, from, to: fieldOf(group, field) };
    })
    .filter(({ from, to }) => from !== to);
  const changed = changes.length === 0 ? 'unchanged' : 'changed';
  const { added, removed, limits } = diffPolicies(
    before && parsePolicy(JSON.parse(before.document)),
    parsePolicy(JSON.parse(policy.document)),
  );
  return {
    group: group.name,
    outcome: inForce === undefined ? 'created' : changed,
    changes,
    rules: inForce?.policy === group.policy ? null : { added, removed, limits },
    devices: await countDevices(registry, group.name),
  };
}

/** Durations are seconds over HTTP. */
function fieldOf(group: GroupRecord, field: (typeof fields)[number]): string | number {
  return field === 'renewalGrace' ? group.renewalGrace / 1_000 : group[field];
}
