/** `node bench/revocation/run.js`: its options. */
import { countUpTo } from '../../runtime/command-line/parsers.ts';
import { countOrNone, positive, runBenchmarkProgram } from '../harness/program.ts';
import { runRevocationBenchmark } from './benchmark.ts';
import { renderReport } from './report-table.ts';

const defaults = {
  devices: 1_000_000,
  revoked: 100_000,
  rounds: 5,
  requests: 10_000,
  clients: 32,
  revocations: 1_000,
  lists: 10,
};

export function runBenchmark(): Promise<void> {
  return runBenchmarkProgram({
    description:
      'What a revocation, its lists and OCSP answers take at a large registry, OCSP beside `openssl ocsp`; ' +
      'README.md explains the figures.',
    examples: [
      'node bench/revocation/run.js',
      'node bench/revocation/run.js --devices 10000 --revoked 1000 --rounds 3 --json',
    ],
    addOptions: (program) =>
      program
        .option('--devices <n>', 'registered before', positive, defaults.devices)
        .option('--revoked <n>', 'of them, revoked before', countOrNone, defaults.revoked)
        .option('--rounds <n>', 'rounds of OCSP', positive, defaults.rounds)
        .option('--requests <n>', 'OCSP requests a round', positive, defaults.requests)
        .option('--clients <n>', 'how many ask OCSP at one time', countUpTo(1_000), defaults.clients)
        .option('--revocations <n>', 'devices revoked one after another', positive, defaults.revocations)
        .option('--lists <n>', 'times that a revocation is waited for in the CRL', positive, defaults.lists)
        .option('--keep <dir>', 'keep the filled registry in this folder, and use the one that is there'),
    run: runRevocationBenchmark,
    render: renderReport,
  });
}
