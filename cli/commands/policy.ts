/** `gatehouse policy …`: which topics devices may use. */
import type { Command } from 'commander';
import type { GroupView } from '../../core/api/groups.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { tellLiveSessions } from '../live-sessions.ts';
import { documentCommands } from './documents.ts';
import { showPolicyDryRun } from './policy-dry-run.ts';
import { policyTestCommand } from './policy-test.ts';

export function policyCommands(policy: Command, io: CommandIo): void {
  documentCommands(policy, io, {
    noun: 'policy',
    path: '/policies',
    edit: 's/100/50/',
    titles: ['PUBLISH', 'SUBSCRIBE', 'DENY'],
    cells: ({ publish, subscribe, deny }) => [publish, subscribe, deny].map(count),
    dryRun: showPolicyDryRun,
    async onApplied({ api, output }, name) {
      const { items } = await api.get<{ items: readonly GroupView[] }>('/groups');
      const groups = items.filter(({ policy }) => policy === name).map((group) => group.name);
      if (groups.length === 0) output.note('no group has this policy: no device is concerned');
      else tellLiveSessions(output, `devices of ${groups.join(', ')} have it`);
    },
  });
  policyTestCommand(policy, io);
}

function count(rules: unknown): string {
  return String(Array.isArray(rules) ? rules.length : 0);
}
