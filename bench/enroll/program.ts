/** `node bench/enroll/run.js`: its options, and what it prints. */
import { GatehouseError } from '../../core/errors.ts';
import { processIo } from '../../runtime/command-line/io.ts';
import { tolerateLostReaders } from '../../runtime/command-line/lost-reader.ts';
import { createOutput } from '../../runtime/command-line/output.ts';
import { countUpTo } from '../../runtime/command-line/parsers.ts';
import { addExamples, createProgram, runProgram } from '../../runtime/command-line/program.ts';
import { listenForStop } from '../../runtime/command-line/stop-signal.ts';
import { type BenchmarkOptions, runEnrollmentBenchmark } from './benchmark.ts';
import { renderReport } from './report-table.ts';

type Flags = Omit<BenchmarkOptions, 'signal' | 'say' | 'keep'> & {
  readonly keep?: string;
  readonly json?: true;
};

const positive = countUpTo(1_000_000);
const defaults = { devices: [1_000, 1_000_000], rounds: 5, requests: 4_000, handshakes: 1_000, clients: 64 };

export async function runBenchmark(): Promise<void> {
  tolerateLostReaders();
  const io = processIo(['SIGINT', 'SIGTERM', 'SIGHUP']);
  const program = createProgram('run.js', io)
    .description('Enrollments a second of Gatehouse, beside `cfssl serve`; README.md explains the figures.')
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
    .option('--keep <dir>', 'keep filled registries in this folder, and use those that are there')
    .option('--json', 'print the report as JSON')
    .action(async ({ json, ...flags }: Flags) => {
      const output = createOutput(io, json === true);
      const stop = listenForStop(io.onStopRequest);
      const say = (line: string) => void io.stderr.write(`${line}\n`);
      try {
        const report = await runEnrollmentBenchmark({ keep: undefined, ...flags, signal: stop.signal, say });
        output.result(report, () => renderReport(report));
      } catch (error) {
        throw stop.signal.aborted ? new GatehouseError('interrupted') : error;
      } finally {
        stop.release();
      }
    });
  addExamples(program, [
    'node bench/enroll/run.js',
    'node bench/enroll/run.js --devices 1000 --rounds 3 --json',
    'node bench/enroll/run.js --keep /var/tmp/bench',
  ]);
  process.exitCode = await runProgram(program, io);
}

function countsOf(text: string): readonly number[] {
  return text.split(',').map(positive);
}

function countOrNone(text: string): number {
  return text === '0' ? 0 : positive(text);
}
