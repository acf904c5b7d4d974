/** What every operator's command has in common: connection options, --json, a session. */
import type { Command } from 'commander';
import type { CommandIo } from '../runtime/command-line/io.ts';
import { createOutput, type Output } from '../runtime/command-line/output.ts';
import { addConnectionOptions, type ConnectionFlags, findServer } from './connection.ts';
import type { OperatorClient } from './operator-client.ts';

/** What a command works with. */
export interface Session {
  readonly api: OperatorClient;
  readonly output: Output;
}

/** @param positional the arguments of the command, as its parsers returned them */
type Action<Positional extends readonly unknown[], Flags> = (
  session: Session,
  flags: Flags,
  ...positional: Positional
) => Promise<void>;

/** Completes `command`, whose own arguments and options are declared, with what it does. */
export function operatorCommand<Positional extends readonly unknown[], Flags extends object = object>(
  command: Command,
  io: CommandIo,
  action: Action<Positional, Flags>,
): Command {
  command.option('--json', 'print JSON alone on standard output');
  return addConnectionOptions(command).action(async (...given) => {
    const flags = command.opts<Flags & ConnectionFlags & { json?: boolean }>();
    const { OperatorClient } = await import('./operator-client.ts');
    const api = new OperatorClient(findServer(flags, io.environment));
    try {
      // Commander appends the flags and the command to the arguments.
      const positional = given.slice(0, -2) as [...Positional];
      await action({ api, output: createOutput(io, flags.json === true) }, flags, ...positional);
    } finally {
      api.close();
    }
  });
}
