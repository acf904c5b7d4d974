/** Runs the programs that judge our output: openssl, certtool, ocsptool and strongSwan's pki. */
import { spawnSync } from 'node:child_process';

export interface CommandResult {
  readonly status: number | null;
  /** Both streams, one after the other. */
  readonly output: string;
}

export function run(folder: string, program: string, ...parameters: readonly string[]): CommandResult {
  const { status, stdout, stderr, error } = spawnSync(program, parameters, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error !== undefined) throw error;
  return { status, output: `${stdout}${stderr}` };
}
