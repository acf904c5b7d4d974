/** A server under measurement: a process on a core of its own, what it has used of the machine, and its end. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { GatehouseError } from '../../core/errors.ts';
import type { CommandLine } from './pinning.ts';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
/** USER_HZ: what the kernel counts processor time in for /proc, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
const MAX_LOG_LENGTH = 4_096;

export interface Usage {
  /** Of all threads, in user and kernel mode, since the process began. */
  readonly cpuSeconds: number;
  /** Of its first thread, which in Node runs the event loop. */
  readonly loopSeconds: number;
  readonly residentBytes: number;
  readonly peakResidentBytes: number;
}

export interface ServerProcess {
  /** What it says first on its standard output. */
  firstLine(signal: AbortSignal): Promise<string>;
  usage(): Usage;
  /** Rejects when the process ends, with the end of its log; never resolves. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

export interface Launch {
  readonly command: CommandLine;
  readonly name: string;
}

export function startProcess({ command: [command, ...args], name }: Launch): ServerProcess {
  // In a process group of its own: a Ctrl-C on the terminal is for the benchmark, which then ends it in good order.
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-MAX_LOG_LENGTH);
  });
  const closed = once(child, 'close');
  const failed = closed.then(([code]) => {
    throw new GatehouseError('process_ended', `${name} ended with exit code ${code}\n${log}`);
  });
  // Whoever waits for it hears of it; an end that was asked for is nobody's failure.
  failed.catch(() => undefined);
  return {
    async firstLine(signal) {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
      const line = once(createInterface({ input: child.stdout }), 'line', { signal: deadline });
      const [text] = await Promise.race([line, failed]);
      return String(text);
    },
    failed,
    usage: () => readUsage(child.pid ?? 0),
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await closed.catch(() => undefined);
      clearTimeout(timer);
    },
  };
}

function readUsage(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return {
    cpuSeconds: cpuSecondsIn(`/proc/${pid}/stat`),
    loopSeconds: cpuSecondsIn(`/proc/${pid}/task/${pid}/stat`),
    residentBytes: kilobytes('VmRSS') * 1_024,
    peakResidentBytes: kilobytes('VmHWM') * 1_024,
  };
}

/** proc(5): utime and stime are the fields 14 and 15. */
function cpuSecondsIn(file: string): number {
  const stat = readFileSync(file, 'utf8');
  // The command's name, in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
