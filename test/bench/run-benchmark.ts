/** A benchmark as a process, with a folder of its own for temporary files, which tells what it leaves behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DEADLINE_MS = 100_000;
const folder = temporaryFolder();
let runs = 0;

export interface Run {
  /** Its folder below bench/. */
  readonly benchmark: string;
  readonly flags: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  /** Interrupts it once this stands on standard error. */
  readonly interruptAt?: string;
}

export async function runBenchmark({ benchmark, flags, environment = {}, interruptAt }: Run) {
  runs += 1;
  const temporary = join(folder, String(runs));
  mkdirSync(temporary);
  const script = resolve(import.meta.dirname, '../../bench', benchmark, 'run.js');
  const child = spawn(process.execPath, [script, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment, TMPDIR: temporary },
    timeout: DEADLINE_MS,
  });
  let [stdout, stderr, interrupted] = ['', '', false];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (interrupted || interruptAt === undefined || !stderr.includes(interruptAt)) return;
    interrupted = child.kill('SIGINT');
  });
  const [code] = await once(child, 'close');
  return { code, failure: code === 0 ? null : stderr, stdout, stderr, left: readdirSync(temporary) };
}

/** A PATH on which neither the peer nor taskset is found. */
export const WITHOUT_PROGRAMS = { PATH: [folder, join(folder, 'none')].join(delimiter) };
