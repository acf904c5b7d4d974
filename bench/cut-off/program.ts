/** `node bench/cut-off/run.js`: its options, and what it prints. */
import { renderTable } from '../../cli/table.ts';
import { countUpTo } from '../../runtime/command-line/parsers.ts';
import { fixed, megabytes, whole } from '../harness/figures.ts';
import { machineLines } from '../harness/machine.ts';
import { runBenchmarkProgram } from '../harness/program.ts';
import type { Spread } from '../harness/statistics.ts';
import { type Report, runCutOffBenchmark } from './benchmark.ts';

const count = countUpTo(20_000);

export function runBenchmark(): Promise<void> {
  return runBenchmarkProgram({
    description:
      'How soon the sessions of revoked devices end in a connected fleet, and what the others notice of it; ' +
      'README.md explains the figures.',
    examples: ['node bench/cut-off/run.js', 'node bench/cut-off/run.js --devices 500 --bulk 50 --json'],
    addOptions: (program) =>
      program
        .option('--devices <n>', 'enrolled and connected', count, 5_000)
        .option('--singles <n>', 'of them, revoked one after another', count, 100)
        .option('--bulk <n>', 'of them, revoked by one command', count, 500)
        .option('--bystanders <n>', 'of them, publishing all the while', count, 50),
    run: runCutOffBenchmark,
    render: renderReport,
  });
}

function renderReport({ machine, load, single, bulk, bystanders, brokerBytes }: Report): string {
  return [
    ...machineLines(machine, 'no peer'),
    `${whole(load.devices)} devices connected; the broker has ${megabytes(brokerBytes)} MB`,
    '',
    renderTable(
      ['until the socket closes', 'p50 ms', 'p99 ms', 'longest'],
      [
        row(`one of ${whole(load.singles)}, from the request`, single.fromRequest),
        row('… from its answer', single.fromAnswer),
        row(`${whole(load.bulk)} by one command, from its start`, bulk.fromStart),
      ],
    ),
    `The command ran for ${fixed(bulk.command, 0)} ms.`,
    '',
    renderTable(
      [`PUBACK of ${whole(load.bystanders)} others`, 'p50 ms', 'p99 ms', 'longest'],
      [
        row('before', bystanders.before),
        row('while single ones are revoked', bystanders.singles),
        row('during the command', bystanders.bulk),
      ],
    ),
  ].join('\n');
}

function row(name: string, { p50, p99, longest }: Spread): string[] {
  return [name, fixed(p50, 1), fixed(p99, 1), fixed(longest, 1)];
}
