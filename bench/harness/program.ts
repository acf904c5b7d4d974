/** A benchmark as a command: it can be interrupted, prints a table or JSON, and says on standard error how far it is. */
import { setMaxListeners } from 'node:events';
import { type Command, InvalidArgumentError } from 'commander';
import { GatehouseError } from '../../core/errors.ts';
import { processIo } from '../../runtime/command-line/io.ts';
import { tolerateLostReaders } from '../../runtime/command-line/lost-reader.ts';
import { createOutput } from '../../runtime/command-line/output.ts';
import { countUpTo } from '../../runtime/command-line/parsers.ts';
import { addExamples, createProgram, runProgram } from '../../runtime/command-line/program.ts';
import { listenForStop } from '../../runtime/command-line/stop-signal.ts';

/** What every benchmark is given besides its own options. */
export interface Course {
  readonly signal: AbortSignal;
  /** Says to people what is being done. */
  readonly say: (line: string) => void;
}

export interface Benchmark<Options, Report> {
  readonly description: string;
  readonly examples: readonly string[];
  readonly addOptions: (program: Command) => Command;
  readonly run: (options: Options & Course) => Promise<Report>;
  readonly render: (report: Report) => string;
}

/** A number from 1 to a million, as an option. */
export const positive = countUpTo(1_000_000);

/** The same, or 0 for none. */
export function countOrNone(text: string): number {
  return text === '0' ? 0 : positive(text);
}

/** Up to ten minutes, with tenths where few are enough. */
export function seconds(text: string): number {
  const value = /^\d+(\.\d)?$/.test(text) ? Number(text) : 0;
  if (value > 0 && value <= 600) return value;
  throw new InvalidArgumentError('Give a number of seconds from 0.1 to 600.');
}

export async function runBenchmarkProgram<Options, Report extends object>({
  description,
  examples,
  addOptions,
  run,
  render,
}: Benchmark<Options, Report>): Promise<void> {
  tolerateLostReaders();
  const io = processIo(['SIGINT', 'SIGTERM', 'SIGHUP']);
  const program = addOptions(createProgram('run.js', io).description(description))
    .option('--json', 'print the report as JSON')
    .action(async ({ json, ...options }: Options & { readonly json?: true }) => {
      const output = createOutput(io, json === true);
      const stop = listenForStop(io.onStopRequest);
      // Whatever is under way at a time waits on it.
      setMaxListeners(0, stop.signal);
      const say = (line: string) => void io.stderr.write(`${line}\n`);
      try {
        const report = await run({ ...(options as Options), signal: stop.signal, say });
        output.result(report, () => render(report));
      } catch (error) {
        throw stop.signal.aborted ? new GatehouseError('interrupted') : error;
      } finally {
        stop.release();
      }
    });
  addExamples(program, examples);
  process.exitCode = await runProgram(program, io);
}
