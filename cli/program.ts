/** `gatehouse`: puts the commands together, runs the one that was given, and says how it ended. */
import { Command } from 'commander';
import { deviceCommands } from './commands/device.ts';
import { groupCommands } from './commands/group.ts';
import { issuerCommands } from './commands/issuer.ts';
import { journalCommands } from './commands/journal.ts';
import { keyCommands } from './commands/key.ts';
import { operatorCommands } from './commands/operator.ts';
import { policyCommands } from './commands/policy.ts';
import { profileCommands } from './commands/profile.ts';
import { tokenCommands } from './commands/token.ts';
import { exitCodeOf, failuresOf, renderFailure } from './failure.ts';
import { type CommandIo, processIo } from './io.ts';
import { isSupervised } from './up/supervised.ts';
import { upCommand } from './up/up-command.ts';
import { packageVersion } from './version.ts';

/** The commands of a role: what enroll and broker add. */
export type Registrar = (program: Command) => void;

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
  // A reader that has seen enough, such as `head`, ends the command without a word.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  process.exitCode = await runCommand(registrars, processIo);
}

/** @returns the exit code */
export async function runCommand(registrars: readonly Registrar[], io: CommandIo): Promise<number> {
  const program = buildProgram(registrars, io);
  try {
    await program.parseAsync(io.arguments, { from: 'user' });
    return 0;
  } catch (error) {
    const failures = failuresOf(error);
    // `gatehouse up` reads the last words of its processes where it reads their first, and passes them on.
    const supervised = isSupervised(io.environment);
    const voice = supervised ? io.stdout : io.stderr;
    const json = supervised || io.arguments.includes('--json');
    for (const failure of failures) voice.write(renderFailure(failure, json));
    return Math.max(0, ...failures.map(exitCodeOf));
  }
}

function buildProgram(registrars: readonly Registrar[], io: CommandIo): Command {
  const program = new Command('gatehouse')
    .description(
      'One gate for a fleet of devices: they enroll, and are admitted to MQTT for as long as they may be.',
    )
    .version(packageVersion(), '-v, --version')
    .addHelpText('after', HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      // What commander would say comes at the end, in the form of every other failure.
      outputError: () => undefined,
    });

  program.commandsGroup('Running it:');
  upCommand(program, io);
  for (const register of registrars) register(program);
  program.commandsGroup("The operator's commands:");
  tokenCommands(program, io);
  deviceCommands(program, io);
  groupCommands(program, io);
  policyCommands(program, io);
  profileCommands(program, io);
  journalCommands(program, io);
  issuerCommands(program, io);
  operatorCommands(program, io);
  keyCommands(program, io);
  return program;
}
