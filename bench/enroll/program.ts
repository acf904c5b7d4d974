/** `node bench/enroll/run.js`: its options, and what it prints. */
import { countUpTo } from '../../runtime/command-line/parsers.ts';
import { countOrNone, positive, runBenchmarkProgram } from '../harness/program.ts';
import { runEnrollmentBenchmark } from './benchmark.ts';
import { renderReport } from './report-table.ts';

const defaults = { devices: [1_000, 1_000_000], rounds: 5, requests: 4_000, handshakes: 1_000, clients: 64 };

export function runBenchmark(): Promise<void> {
  return runBenchmarkProgram({
    description: 'Enrollments a second of Gatehouse, beside `cfssl serve`; README.md explains the figures.',
    examples: [
      'node bench/enroll/run.js',
      'node bench/enroll/run.js --devices 1000 --rounds 3 --json',
      'node bench/enroll/run.js --keep /var/tmp/bench',
    ],
    addOptions: (program) =>
      program
        .option('--devices <counts>', 'registered before, one Gatehouse for each', countsOf, defaults.devices)
        .option('--rounds <n>', 'rounds that count', positive, defaults.rounds)
        .option('--requests <n>', 'requests a round', positive, defaults.requests)
        .option(
          '--handshakes <n>',
          'the same with a handshake each; 0 for none',
          countOrNone,
          defaults.handshakes,
        )
        .option('--clients <n>', 'how many ask at one time', countUpTo(1_000), defaults.clients)
        .option('--keep <dir>', 'keep filled registries in this folder, and use those that are there'),
    run: runEnrollmentBenchmark,
    render: renderReport,
  });
}

function countsOf(text: string): readonly number[] {
  return text.split(',').map(positive);
}
