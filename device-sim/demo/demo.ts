/**
 * The demonstration: a Gatehouse of its own, the flow it is for, and the attacks it must withstand. The
 * composition root of `gatehouse-sim demo`.
 */
import { once } from 'node:events';
import type { Output } from '../../runtime/command-line/output.ts';
import { type Attack, type AttackContext, judge } from './attacks/attack.ts';
import { certificateAttacks } from './attacks/certificates.ts';
import { enrollmentAttacks } from './attacks/enrollment.ts';
import { standingAttacks } from './attacks/standing.ts';
import { topicAttacks } from './attacks/topics.ts';
import { runFlow } from './flow.ts';
import { type Gatehouse, interruption, startGatehouse } from './gatehouse-process.ts';
import { showRenewal } from './renewal.ts';
import { Stage } from './stage.ts';
import { Timeline } from './timeline.ts';
import { type Row, renderHeading, renderRow, tableHead, type Verdict } from './verdict.ts';

export interface DemoOptions {
  readonly output: Output;
  /** Whether the temporary folder stays. */
  readonly keep: boolean;
  readonly signal: AbortSignal;
}

const themes: readonly { readonly name: string; readonly attacks: readonly Attack[] }[] = [
  { name: 'Certificates that Gatehouse did not issue', attacks: certificateAttacks },
  { name: 'Certificates that stand no more, and identities', attacks: standingAttacks },
  { name: 'Topics', attacks: topicAttacks },
  { name: 'Enrollment', attacks: enrollmentAttacks },
];

/** @throws GatehouseError where Gatehouse does not start, or the demo is interrupted; everything is removed then too */
export async function runDemo({ output, keep, signal }: DemoOptions): Promise<Verdict> {
  const timeline = new Timeline();
  const onFolder = (folder: string) =>
    output.say(`Starting a Gatehouse of its own in ${folder}${keep ? ', which is kept' : ''}`);
  const gatehouse = await timeline.step('start Gatehouse', () => startGatehouse({ keep, onFolder, signal }));
  try {
    const verdict = perform(gatehouse, timeline, output, signal);
    return await Promise.race([verdict, interrupted(signal)]);
  } finally {
    await gatehouse.stop();
  }
}

async function perform(
  gatehouse: Gatehouse,
  timeline: Timeline,
  output: Output,
  signal: AbortSignal,
): Promise<Verdict> {
  const stage = new Stage(gatehouse, signal);
  const rows: Row[] = [];
  const show = (row: Row) => {
    rows.push(row);
    output.say(renderRow(row, output));
  };
  try {
    output.say(`\n${tableHead()}`);
    output.say(renderHeading('The flow', output));
    const { rows: flowRows, figures, devices, backend } = await runFlow(stage, timeline);
    signal.throwIfAborted();
    for (const row of flowRows) show(row);

    output.say(renderHeading('Renewal', output));
    for (const row of await timeline.step('renewal', () => showRenewal(stage, backend))) show(row);
    signal.throwIfAborted();

    const [attacker, victim] = devices;
    if (attacker === undefined || victim === undefined) throw new Error('the flow left no devices');
    const context: AttackContext = { stage, attacker, victim, backend };
    for (const { name, attacks } of themes) {
      output.say(renderHeading(name, output));
      await timeline.step(name, async () => {
        for (const attack of attacks) {
          const row = await judge(attack, context);
          // What fails because the demo is being taken down is no finding.
          signal.throwIfAborted();
          show(row);
        }
      });
    }
    const verdict = { rows, figures: { ...figures, seconds: timeline.seconds } };
    output.say(closingWords(verdict));
    return verdict;
  } finally {
    await stage.close();
  }
}

function closingWords({ rows, figures }: Verdict): string {
  const { devices, enrollMs, connectMs, revokeCutOffMs, revokeCallMs, seconds } = figures;
  const differing = rows.filter(({ ok }) => !ok).length;
  const times = Object.entries(seconds).map(([step, time]) => `${step} ${time.toFixed(1)} s`);
  return [
    '',
    `${devices} devices enrolled in ${enrollMs} ms and connected in ${connectMs} ms.`,
    revokeCutOffMs === null
      ? 'The revoked one was never cut off.'
      : `The revoked one was cut off ${revokeCutOffMs} ms after the operator's call began; the call took ${revokeCallMs} ms.`,
    `Time went into: ${times.join(', ')}.`,
    differing === 0
      ? `All ${rows.length} rows are as expected.`
      : `${differing} of ${rows.length} rows DIFFER from what is expected.`,
  ].join('\n');
}

async function interrupted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw interruption();
}
