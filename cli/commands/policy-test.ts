/** `gatehouse policy test`: what a policy, the one in force or one in a file, says of a device and a topic. */
import type { Command } from 'commander';
import type { PolicyTestRequest, PolicyTestResult, RefusedLately } from '../../core/api/policies.ts';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { FailedResult } from '../../runtime/command-line/last-words.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderFields, toTheSecond } from '../table.ts';

interface TestFlags {
  readonly device: DeviceId;
  readonly file?: string;
  readonly publish?: string;
  readonly subscribe?: string;
}

export function policyTestCommand(policy: Command, io: CommandIo): void {
  const test = policy
    .command('test')
    .summary('Tells what the policy of a device, or one in a file, says of a topic.')
    .description(
      'Tells what the policy of a device, or one in a file that is not in force, says of a topic, which rule decides, and how often the broker refused just that lately, and why. Nothing is sent or stored. Exit codes: 0 allowed, 1 denied, or no answer at all (then nothing is on standard output), 2 misuse.',
    )
    .requiredOption('--device <id>', 'the device', parsedBy(parseDeviceId))
    .option('--publish <topic>', 'may it publish to this topic?')
    .option('--subscribe <filter>', 'may it subscribe to this filter?')
    .option('--file <file>', 'a policy in YAML or JSON that is to decide instead; - for standard input');
  addExamples(test, [
    'gatehouse policy test --device press-7 --publish devices/press-7/telemetry',
    'gatehouse policy test --device press-7 --subscribe "devices/+/commands/#"',
    'gatehouse policy test --file device.yaml --device press-7 --publish devices/press-7/status && gatehouse policy apply device.yaml',
  ]);
  operatorCommand<[], TestFlags>(test, io, async ({ api, output }, flags) => {
    const { device, publish, subscribe, file } = flags;
    if ((publish === undefined) === (subscribe === undefined)) {
      test.error('give exactly one of --publish and --subscribe');
    }
    const question: PolicyTestRequest = {
      device,
      ...(publish !== undefined && { publish }),
      ...(subscribe !== undefined && { subscribe }),
      ...(file !== undefined && { document: await documentIn(file) }),
    };
    const result = await api.post<PolicyTestResult>('/policies/test', question);
    output.result(result, () => renderResult(result, file));
    if (!result.allowed) throw new FailedResult();
  });
}

/** @throws GatehouseError as applying it would */
async function documentIn(file: string): Promise<Readonly<Record<string, unknown>>> {
  const { readDocument } = await import('../document-file.ts');
  const { name, body } = readDocument(file);
  return { ...body, name };
}

function renderResult(result: PolicyTestResult, file: string | undefined): string {
  const { device, group, policy, allowed, rule, reason, deviceStatus, refused } = result;
  const source = file === '-' ? 'standard input' : file;
  return renderFields({
    answer: allowed ? 'allowed' : 'denied',
    reason,
    rule,
    policy: source === undefined ? policy : `${policy}, as ${source} has it`,
    device: `${device}, ${deviceStatus}, of the group ${group}`,
    ...(refused && { refused: describeRefused(refused) + overIf(allowed, file) }),
  });
}

/** `once, at 2026-05-04T10:11:12Z, by publish_denied: policy "device" does not grant it` */
function describeRefused({ count, firstAt, lastAt, rule, detail }: RefusedLately): string {
  const times =
    count === 1
      ? `once, at ${toTheSecond(lastAt)}`
      : `${count} times since ${toTheSecond(firstAt)}, last at ${toTheSecond(lastAt)}`;
  return `${times}, by ${rule}: ${detail}`;
}

function overIf(allowed: boolean, file: string | undefined): string {
  if (!allowed) return '';
  return file === undefined
    ? '; the policy of now does not refuse it'
    : '; the policy in the file would not refuse it';
}
