/** `gatehouse`: puts the commands together, runs the one that was given, and says how it ended. */
import type { Command } from 'commander';
import { addCommands, type CommandEntry } from '../runtime/command-line/command-table.ts';
import { type CommandIo, processIo } from '../runtime/command-line/io.ts';
import { tolerateLostReaders } from '../runtime/command-line/lost-reader.ts';
import { createProgram, runProgram } from '../runtime/command-line/program.ts';
import { operatorCommandTable } from './operator-commands.ts';
import { isSupervised } from './up/supervised.ts';

const HELP = `
Examples:
  $ gatehouse up                                     a whole Gatehouse on this machine
  $ gatehouse token create --device press-7          let a device in
  $ gatehouse device revoke press-7                  and out again, within a second
  $ gatehouse policy test --device press-7 --subscribe "devices/#"

Every command takes --json, and has its own --help.
Exit codes: 0 done, 1 failed, 2 misuse.`;

const up: CommandEntry = {
  name: 'up',
  summary: 'Runs a whole Gatehouse on this machine.',
  load: async () => (await import('./up/up-command.ts')).upCommand,
};

/**
 * Runs the command that the process was started with; what is left to the process is its exit code.
 * @param roles the commands that enroll and broker add
 */
export async function runCommands(roles: readonly CommandEntry[]): Promise<void> {
  tolerateLostReaders();
  // Not SIGHUP: to listen for it would undo `nohup gatehouse up`.
  process.exitCode = await runCommand(roles, processIo(['SIGINT', 'SIGTERM']));
}

/** @returns the exit code */
export async function runCommand(roles: readonly CommandEntry[], io: CommandIo): Promise<number> {
  const program = await buildProgram(roles, io);
  // `gatehouse up` reads the last words of its processes where it reads their first, and passes them on.
  if (isSupervised(io.environment)) return runProgram(program, io, { stream: io.stdout, json: true });
  return runProgram(program, io);
}

async function buildProgram(roles: readonly CommandEntry[], io: CommandIo): Promise<Command> {
  const program = createProgram('gatehouse', io)
    .description(
      'One gate for a fleet of devices: they enroll, and are admitted to MQTT for as long as they may be.',
    )
    .addHelpText('after', HELP);

  program.commandsGroup('Running it:');
  await addCommands(program, io, [up, ...roles]);
  program.commandsGroup("The operator's commands:");
  await addCommands(program, io, operatorCommandTable);
  return program;
}
