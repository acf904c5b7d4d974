/** `gatehouse group apply --dry-run`: what would change of a group, and of what its devices may do. */
import type { GroupChange, GroupDryRun } from '../../core/api/groups.ts';
import { formatDuration } from '../../core/duration.ts';
import { printable } from '../../runtime/command-line/printable.ts';
import { count } from '../import/progress.ts';
import type { Session } from '../operator-command.ts';
import { linesOfRules } from '../policy-diff.ts';

/** Has the server compare them, and prints what it found. @param group as PUT takes it, with its name */
export async function showGroupDryRun({ api, output }: Session, group: object): Promise<void> {
  const result = await api.post<GroupDryRun>('/groups/dry-run', group);
  output.result(result, () => renderDryRun(result));
  output.note('A dry run: nothing was changed.');
}

function renderDryRun({ group, outcome, changes, rules, devices }: GroupDryRun): string {
  const title = outcome === 'unchanged' ? 'stays as it is' : `would be ${outcome}:`;
  const lines = [`group ${group} ${title}`, ...changes.map(lineOfChange)];
  if (rules !== null) lines.push(...linesOfRules(rules));
  lines.push(
    `${count(devices)} ${devices === 1 ? 'device is' : 'devices are'} in it; revoked ones do not count`,
  );
  return lines.map(printable).join('\n');
}

function lineOfChange({ field, from, to }: GroupChange): string {
  const shown = (value: string | number) => {
    if (typeof value === 'string') return JSON.stringify(value);
    return value === 0 ? 'none' : formatDuration(value * 1_000);
  };
  return from === null ? `  ${field}: ${shown(to)}` : `  ${field}: from ${shown(from)} to ${shown(to)}`;
}
