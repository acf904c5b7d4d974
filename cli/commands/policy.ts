/** `gatehouse policy …`: which topics devices may use. */
import type { Command } from 'commander';
import type { PolicyTestRequest, PolicyTestResult } from '../../core/api/policies.ts';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
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
  });

  const test = policy
    .command('test')
    .description(
      'Tells what the policy of a device says of a topic, and which rule decides. Nothing is sent.',
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
    ...(refused && { refused: describeRefused(refused) }),
  });
}

function describeRefused({ count, firstAt, lastAt }: NonNullable<PolicyTestResult['refused']>): string {
  if (count === 1) return `once, at ${toTheSecond(lastAt)}`;
  return `${count} times since ${toTheSecond(firstAt)}, last at ${toTheSecond(lastAt)}`;
}

function count(rules: unknown): string {
  return String(Array.isArray(rules) ? rules.length : 0);
}
