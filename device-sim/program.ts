/** `gatehouse-sim`: puts the simulator's commands together and runs the one that was given. */
import { type CommandIo, processIo } from '../runtime/command-line/io.ts';
import { tolerateLostReaders } from '../runtime/command-line/lost-reader.ts';
import { createProgram, runProgram } from '../runtime/command-line/program.ts';
import { demoCommand } from './command-line/demo.ts';
import { fleetCommand } from './command-line/fleet.ts';
import { runCommand } from './command-line/run.ts';

const HELP = `
Examples:
  $ gatehouse-sim demo                                          see everything at once
  $ gatehouse-sim run --token ghe_… --state ./press-7           one device that lives on
  $ gatehouse-sim fleet --devices 50 --token ghe_… --rate 100   fifty of them, measured

An operator makes tokens: gatehouse token create. Each command has its own --help.
Exit codes: 0 done, 1 failed, 2 misuse.`;

/** Runs the command that the process was started with; what is left to the process is its exit code. */
export async function runSimulator(): Promise<void> {
  tolerateLostReaders();
  // SIGHUP too: a terminal that closes must not leave the demo's Gatehouse behind.
  process.exitCode = await runSimulatorCommand(processIo(['SIGINT', 'SIGTERM', 'SIGHUP']));
}

/** @returns the exit code */
export function runSimulatorCommand(io: CommandIo): Promise<number> {
  const program = createProgram('gatehouse-sim', io)
    .description('Simulated devices for Gatehouse: they enroll, connect over mutual TLS, publish and obey.')
    .addHelpText('after', HELP);
  for (const register of [runCommand, fleetCommand, demoCommand]) register(program, io);
  return runProgram(program, io);
}
