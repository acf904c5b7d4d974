/** One core for the server that is measured and another for the load, where the machine lets us have it so. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const SERVER_CORE = '0';
const LOAD_CORE = '1';

export type CommandLine = readonly [program: string, ...args: string[]];

export interface Pinning {
  readonly pinned: boolean;
  /** The command line that runs another one on the servers' core. */
  onServerCore(command: CommandLine): CommandLine;
}

/** Moves this process, with every thread it has, to the load's core. */
export function pinToCores(): Pinning {
  if (availableParallelism() < 2 || !moveThisProcess()) {
    return { pinned: false, onServerCore: (command) => command };
  }
  return {
    pinned: true,
    onServerCore: (command) => ['taskset', '-c', SERVER_CORE, ...command],
  };
}

function moveThisProcess(): boolean {
  try {
    execFileSync('taskset', ['-acp', LOAD_CORE, String(process.pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
