/** What the figures were taken on: part of every report. */
import { cpus } from 'node:os';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  /** Whether servers and load each had a core of their own. */
  readonly pinned: boolean;
  readonly node: string;
}

export function describeMachine(pinned: boolean): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    // All there are: this process may be held to one of them.
    cores: cpus().length,
    pinned,
    node: process.version,
  };
}

/** The first lines of a report for people. */
export function machineLines({ processor, cores, pinned, node }: Machine, peer: string): string[] {
  return [
    `${processor}, ${cores} cores; Node ${node}; ${peer}`,
    pinned ? 'servers on one core, the load on another' : 'NOT pinned: servers and load share the cores',
  ];
}
