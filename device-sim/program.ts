/** `gatehouse-sim`: the simulator's commands, and the exit code they end with. */
import { Command } from 'commander';
import { demoCommand } from './command-line/demo.ts';
import { fleetCommand } from './command-line/fleet.ts';
import { reportError } from './command-line/report-error.ts';
import { runCommand } from './command-line/run.ts';

const HELP = `
Examples:
  $ gatehouse-sim demo                                          see everything at once
  $ gatehouse-sim run --token ghe_… --state ./press-7           one device that lives on
  $ gatehouse-sim fleet --devices 50 --token ghe_… --rate 100   fifty of them, measured

An operator makes tokens: gatehouse token create. Each command has its own --help.
Exit codes: 0 done, 1 failed, 2 misuse.`;

/** Runs the command of the command line; what is left to the process is its exit code. */
export async function runSimulator(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', tolerateLostReader);
  const program = new Command('gatehouse-sim')
    .description('Simulated devices for Gatehouse: they enroll, connect over mutual TLS, publish and obey.')
    .addHelpText('after', HELP)
    .exitOverride()
    // What commander would say comes at the end, in the form of every other failure.
    .configureOutput({ outputError: () => undefined });
  for (const register of [runCommand, fleetCommand, demoCommand]) register(program);
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = reportError(error, process.argv.includes('--json'));
  }
}

/**
 * A reader that has seen enough (`head`), or a terminal that was closed, is no failure of the command. What runs
 * on learns of it by listenForStop, and ends in good order.
 */
function tolerateLostReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
}
