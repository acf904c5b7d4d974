/** `gatehouse policy apply --dry-run`: what would change against the policy in force, and for how many devices. */
import type { PolicyDryRun, PolicyDryRunRequest } from '../../core/api/policies.ts';
import { printable } from '../../runtime/command-line/printable.ts';
import type { NamedDocument } from '../document-file.ts';
import { count } from '../import/progress.ts';
import type { Session } from '../operator-command.ts';
import { linesOfRules } from '../policy-diff.ts';

/** Has the server compare them, and prints what it found. */
export async function showPolicyDryRun(
  { api, output }: Session,
  { name, body }: NamedDocument,
): Promise<void> {
  const request: PolicyDryRunRequest = { document: { ...body, name } };
  const result = await api.post<PolicyDryRun>('/policies/dry-run', request);
  output.result(result, () => renderDryRun(result));
  output.note('A dry run: nothing was changed.');
  if (result.outcome !== 'changed' || result.groups.length === 0) return;
  output.note(
    'Which subscriptions would end, only the broker could tell: it is not shown. Try them with gatehouse policy test --file FILE --device ID --subscribe FILTER',
  );
}

function renderDryRun(result: PolicyDryRun): string {
  const { policy, outcome, description } = result;
  const title = outcome === 'unchanged' ? 'stays as it is' : `would be ${outcome}:`;
  const lines = [`policy ${policy} ${title}`, ...linesOfRules(result)];
  if (description !== null) {
    const { from, to } = description;
    lines.push(`  description: from ${JSON.stringify(from)} to ${JSON.stringify(to)}`);
  }
  return [...lines, renderUsers(result)].map(printable).join('\n');
}

/** `1,204 devices have it, of 2 groups: gates (4), presses (1,200)` */
function renderUsers({ groups }: PolicyDryRun): string {
  if (groups.length === 0) return 'no group has it: no device is concerned';
  const devices = groups.reduce((sum, group) => sum + group.devices, 0);
  const named = groups.map((group) => `${group.name} (${count(group.devices)})`).join(', ');
  const [have, of] = [
    devices === 1 ? 'device has' : 'devices have',
    groups.length === 1 ? 'group' : 'groups',
  ];
  return `${count(devices)} ${have} it, of ${count(groups.length)} ${of}: ${named}; revoked ones do not count`;
}
