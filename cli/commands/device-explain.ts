/** `gatehouse device explain ID`: how it stands with a device, and what to do. */
import type { Command } from 'commander';
import type {
  DeviceExplanation,
  ExplainedRefusal,
  Finding,
  RefusalView,
} from '../../core/api/explanation.ts';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { printable } from '../../runtime/command-line/printable.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderTable, toTheSecond } from '../table.ts';
import { renderDevice } from './device-view.ts';

export function explainCommand(device: Command, io: CommandIo): void {
  const explain = device
    .command('explain')
    .description(
      'Tells why a device is not where it should be: its certificates, when it was seen, what it was refused, and what to do. Knows IDs too that no device has.',
    )
    .argument('<id>', 'device ID', parsedBy(parseDeviceId));
  addExamples(explain, ['gatehouse device explain press-7', 'gatehouse device explain press-7 --json']);
  operatorCommand<[id: DeviceId]>(explain, io, async ({ api, output }, _flags, id) => {
    const explanation = await api.get<DeviceExplanation>(`/devices/${encodeURIComponent(id)}/explanation`);
    output.result(explanation, () => renderExplanation(explanation));
  });
}

function renderExplanation(explanation: DeviceExplanation): string {
  const { id, device, policy, findings, items, claims, strangers, observedWithin } = explanation;
  const open = items.filter(({ settled }) => settled === null);
  const settled = items.filter((refusal) => refusal.settled !== null);
  return [
    device === null ? `There is no device ${id}.` : renderDevice(device),
    policy === null ? '' : `Its policy is ${policy}.`,
    section('Refused', open.length === 0 ? nothing(settled) : renderRefusals(open)),
    settled.length === 0 ? '' : section('Refused before, and over', renderSettled(settled)),
    claims.length === 0 ? '' : section(`Refused to others who claimed to be ${id}`, renderRefusals(claims)),
    strangers.length === 0
      ? ''
      : section('Refused to strangers, who may have been it', renderRefusals(strangers)),
    section('How it stands', findings.map(({ text }) => `- ${printable(text)}`).join('\n')),
    section('What to do', renderSteps(findings)),
    `What the broker sees and refuses is known here after ${observedWithin} seconds at the latest.`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function nothing(settled: readonly ExplainedRefusal[]): string {
  return settled.length === 0 ? 'Nothing that is remembered.' : 'Nothing that still stands.';
}

function renderSettled(refusals: readonly ExplainedRefusal[]): string {
  return renderTable(
    ['TIMES', 'LAST', 'ACTION', 'RULE', 'TOPIC', 'OVER, SINCE'],
    refusals.map(({ count, lastAt, action, rule, topic, settled }) => [
      count,
      toTheSecond(lastAt),
      action,
      rule,
      topic,
      settled,
    ]),
  );
}

function renderRefusals(refusals: readonly RefusalView[]): string {
  return renderTable(
    ['TIMES', 'LAST', 'ACTION', 'RULE', 'TOPIC', 'CLIENT ID', 'ADDRESS', 'DETAIL'],
    refusals.map(({ count, lastAt, action, rule, topic, clientId, address, detail }) => [
      count,
      toTheSecond(lastAt),
      action,
      rule,
      topic,
      clientId,
      address || null,
      detail,
    ]),
  );
}

function renderSteps(findings: readonly Finding[]): string {
  const steps = new Set(findings.flatMap(({ next }) => next ?? []));
  if (steps.size === 0) return 'Nothing: all is well with it.';
  return [...steps].map((step) => `- ${printable(step)}`).join('\n');
}

function section(title: string, body: string): string {
  return `${title}\n${body}`;
}
