/** `gatehouse`: puts the commands together, runs the one that was given, and says how it ended. */
import type { Command } from 'commander';
import { type CommandIo, processIo } from '../runtime/command-line/io.ts';
import { tolerateLostReaders } from '../runtime/command-line/lost-reader.ts';
import { createProgram, runProgram } from '../runtime/command-line/program.ts';
import { caCommands } from './commands/ca.ts';
import { deviceCommands } from './commands/device.ts';
import { groupCommands } from './commands/group.ts';
import { housekeepingCommands } from './commands/housekeeping.ts';
import { journalCommands } from './commands/journal.ts';
import { keyCommands } from './commands/key.ts';
import { manufacturerCommands } from './commands/manufacturer.ts';
import { operatorCommands } from './commands/operator.ts';
import { policyCommands } from './commands/policy.ts';
import { profileCommands } from './commands/profile.ts';
import { requestCommands } from './commands/request.ts';
import { tokenCommands } from './commands/token.ts';
import { isSupervised } from './up/supervised.ts';
import { upCommand } from './up/up-command.ts';

/** The commands of a role: what enroll and broker add, for the io they may use instead of the process itself. */
export type Registrar = (program: Command, io: CommandIo) => void;

const HELP = `
Examples:
  $ gatehouse up                                     a whole Gatehouse on this machine
  $ gatehouse token create --device press-7          let a device in
  $ gatehouse device revoke press-7                  and out again, within a second
  $ gatehouse policy test --device press-7 --subscribe "devices/#"

Every command takes --json, and has its own --help.
Exit codes: 0 done, 1 failed, 2 misuse.`;

/** Runs the command that the process was started with; what is left to the process is its exit code. */
export async function runCommands(registrars: readonly Registrar[]): Promise<void> {
  tolerateLostReaders();
  // Not SIGHUP: to listen for it would undo `nohup gatehouse up`.
  process.exitCode = await runCommand(registrars, processIo(['SIGINT', 'SIGTERM']));
}

/** @returns the exit code */
export function runCommand(registrars: readonly Registrar[], io: CommandIo): Promise<number> {
  const program = buildProgram(registrars, io);
  // `gatehouse up` reads the last words of its processes where it reads their first, and passes them on.
  if (isSupervised(io.environment)) return runProgram(program, io, { stream: io.stdout, json: true });
  return runProgram(program, io);
}

function buildProgram(registrars: readonly Registrar[], io: CommandIo): Command {
  const program = createProgram('gatehouse', io)
    .description(
      'One gate for a fleet of devices: they enroll, and are admitted to MQTT for as long as they may be.',
    )
    .addHelpText('after', HELP);

  program.commandsGroup('Running it:');
  upCommand(program, io);
  for (const register of registrars) register(program, io);
  program.commandsGroup("The operator's commands:");
  tokenCommands(program, io);
  deviceCommands(program, io);
  requestCommands(program, io);
  manufacturerCommands(program, io);
  groupCommands(program, io);
  policyCommands(program, io);
  profileCommands(program, io);
  journalCommands(program, io);
  housekeepingCommands(program, io);
  caCommands(program, io);
  operatorCommands(program, io);
  keyCommands(program, io);
  return program;
}
