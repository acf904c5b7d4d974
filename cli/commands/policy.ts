/** `gatehouse policy …`: which topics devices may use. */
import type { Command } from 'commander';
import type { GroupView } from '../../core/api/groups.ts';
import type { PolicyTestRequest, PolicyTestResult, RefusedLately } from '../../core/api/policies.ts';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { tellLiveSessions } from '../live-sessions.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderFields, toTheSecond } from '../table.ts';
import { documentCommands } from './documents.ts';

interface TestFlags {
  readonly device: DeviceId;
  readonly publish?: string;
  readonly subscribe?: string;
}

export function policyCommands(policy: Command, io: CommandIo): void {
  documentCommands(policy, io, {
    noun: 'policy',
    path: '/policies',
    edit: 's/100/50/',
    titles: ['PUBLISH', 'SUBSCRIBE', 'DENY'],
    cells: ({ publish, subscribe, deny }) => [publish, subscribe, deny].map(count),
    async onApplied({ api, output }, name) {
      const { items } = await api.get<{ items: readonly GroupView[] }>('/groups');
      const groups = items.filter(({ policy }) => policy === name).map((group) => group.name);
      if (groups.length === 0) output.note('no group has this policy: no device is concerned');
      else tellLiveSessions(output, `devices of ${groups.join(', ')} have it`);
    },
  });

  const test = policy
    .command('test')
    .description(
      'Tells what the policy of a device says of a topic, which rule decides, and how often the broker refused just that lately, and why. Nothing is sent.',
    )
    .requiredOption('--device <id>', 'the device', parsedBy(parseDeviceId))
    .option('--publish <topic>', 'may it publish to this topic?')
    .option('--subscribe <filter>', 'may it subscribe to this filter?');
  addExamples(test, [
    'gatehouse policy test --device press-7 --publish devices/press-7/telemetry',
    'gatehouse policy test --device press-7 --subscribe "devices/+/commands/#"',
  ]);
  operatorCommand<[], TestFlags>(test, io, async ({ api, output }, { device, publish, subscribe }) => {
    if ((publish === undefined) === (subscribe === undefined)) {
      test.error('give exactly one of --publish and --subscribe');
    }
    const question: PolicyTestRequest = {
      device,
      ...(publish !== undefined && { publish }),
      ...(subscribe !== undefined && { subscribe }),
    };
    const result = await api.post<PolicyTestResult>('/policies/test', question);
    output.result(result, () => renderResult(result));
  });
}

function renderResult(result: PolicyTestResult): string {
  const { device, group, policy, allowed, rule, reason, deviceStatus, refused } = result;
  return renderFields({
    answer: allowed ? 'allowed' : 'denied',
    reason,
    rule,
    policy,
    device: `${device}, ${deviceStatus}, of the group ${group}`,
    ...(refused && { refused: describeRefused(refused, allowed) }),
  });
}

/** `once, at 2026-05-04T10:11:12Z, by publish_denied: policy "device" does not grant it` */
function describeRefused(
  { count, firstAt, lastAt, rule, detail }: RefusedLately,
  allowedNow: boolean,
): string {
  const times =
    count === 1
      ? `once, at ${toTheSecond(lastAt)}`
      : `${count} times since ${toTheSecond(firstAt)}, last at ${toTheSecond(lastAt)}`;
  return `${times}, by ${rule}: ${detail}${allowedNow ? '; the policy of now does not refuse it' : ''}`;
}

function count(rules: unknown): string {
  return String(Array.isArray(rules) ? rules.length : 0);
}
