/** `gatehouse-sim demo`: the whole flow on a Gatehouse of its own, then everything that must fail, as a table. */
import type { Command } from 'commander';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { FailedResult } from '../../runtime/command-line/last-words.ts';
import { createOutput } from '../../runtime/command-line/output.ts';
import { untilStopped } from './until-stopped.ts';

const HELP = `
Starts Gatehouse in a temporary folder on free ports of this machine, enrolls 20 devices, lets
them publish to a back-end service, revokes one in full flow and measures how long it stays
connected; another renews its certificate while it works. Then it attacks: foreign certificates, revoked ones, resumed TLS sessions, other
devices' topics, spent tokens, forged requests.

Each row of the table says what was tried, what had to happen and what did; a refusal is named by
its rule, as the operator's log has it. In the end everything is removed.

Examples:
  $ gatehouse-sim demo
  $ gatehouse-sim demo --json | jq '.rows[] | select(.ok | not)'

Exit code: 0 every row is as expected, 1 one differs, 2 misuse.`;

export function demoCommand(program: Command, io: CommandIo): void {
  program
    .command('demo')
    .description('Shows the whole flow with its attacks, on a Gatehouse started for it.')
    .option('--json', 'print rows and figures as one JSON object')
    .option('--keep', 'keep the temporary folder, and say where it is')
    .addHelpText('after', HELP)
    .action((flags: DemoFlags) => demo(flags, io));
}

interface DemoFlags {
  readonly json?: boolean;
  readonly keep?: boolean;
}

async function demo({ json = false, keep = false }: DemoFlags, io: CommandIo): Promise<void> {
  const { runDemo } = await import('../demo/demo.ts');
  const output = createOutput(io, json);
  const verdict = await untilStopped(io, (signal) => runDemo({ output, keep, signal }));
  output.result(verdict);
  if (verdict.rows.some(({ ok }) => !ok)) throw new FailedResult();
}
