/** `gatehouse` itself, as anybody would run it. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { CommandLine } from './pinning.ts';

const COMMAND_TIMEOUT_MS = 60_000;
/** bin/gatehouse.js above this file, which lies deeper in the build than in the sources. */
const EXECUTABLE = findExecutable(import.meta.dirname);
const OPENSSL_CONFIG = join(dirname(EXECUTABLE), 'openssl.cnf');

/** The command line of one of its commands, with OpenSSL set as `gatehouse up` and the container image set it. */
export function gatehouseCommand(...words: readonly string[]): CommandLine {
  return [process.execPath, `--openssl-config=${OPENSSL_CONFIG}`, EXECUTABLE, ...words];
}

/** Runs a command to its end. @returns what it printed, as JSON */
export async function runGatehouse(...words: readonly string[]): Promise<unknown> {
  return JSON.parse(await runToItsEnd(...words));
}

/** @returns what it printed, which with some commands is a line of JSON for each thing that was named */
export async function runToItsEnd(...words: readonly string[]): Promise<string> {
  const [command, ...args] = gatehouseCommand(...words, '--json');
  const { stdout } = await promisify(execFile)(command, args, { timeout: COMMAND_TIMEOUT_MS });
  return stdout;
}

function findExecutable(folder: string): string {
  const executable = join(folder, 'bin', 'gatehouse.js');
  return existsSync(executable) || folder === dirname(folder) ? executable : findExecutable(dirname(folder));
}
