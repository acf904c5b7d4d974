/** Runs a command inside this process and keeps what it left: exit code and both streams. */
import { brokerCommands } from '../../broker/commands.ts';
import { runCommand } from '../../cli/program.ts';
import { enrollCommands } from '../../enroll/commands.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';

export interface Transcript {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** What `gatehouse up` starts its processes with. */
  readonly executable?: string;
  /** Aborts for each SIGINT or SIGTERM that the command is to be sent. */
  readonly signals?: readonly AbortSignal[];
  /** Whether a person watches standard output. */
  readonly terminal?: boolean;
  /** And whether standard error. */
  readonly errorTerminal?: boolean;
  /** Told of standard output as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** One of `gatehouse`. */
export function gatehouse(
  given: readonly string[],
  environment?: NodeJS.ProcessEnv,
  options?: RunOptions,
): Promise<Transcript> {
  const roles = [...enrollCommands, ...brokerCommands];
  return transcribe((io) => runCommand(roles, io), given, environment, options);
}

/** @param environment all of it: nothing of this process's own comes through */
export async function transcribe(
  runWith: (io: CommandIo) => Promise<number>,
  given: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  { executable = '', signals = [], terminal = false, errorTerminal = false, onOutput }: RunOptions = {},
): Promise<Transcript> {
  let stdout = '';
  let stderr = '';
  const code = await runWith({
    arguments: given,
    environment,
    executable,
    stdout: {
      isTTY: terminal,
      write(text) {
        stdout += text;
        onOutput?.(text);
      },
    },
    stderr: {
      isTTY: errorTerminal,
      write(text) {
        stderr += text;
      },
    },
    onStopRequest(listener) {
      for (const signal of signals)
        signal.addEventListener('abort', () => listener('SIGINT'), { once: true });
      return () => undefined;
    },
  });
  return { code, stdout, stderr };
}

/** The three lines that people get. */
export function explained(message: string | RegExp, code: string): RegExp {
  const text =
    typeof message === 'string' ? message.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&') : message.source;
  return new RegExp(`^error: ${text}\ncode: ${code}\nwhat to do: .{10,}\n$`);
}

/** The code in the one line that programs get; undefined where it is not just that. */
export function errorCode(stderr: string): string | undefined {
  const lines = stderr.split('\n');
  if (lines.length !== 2 || lines[1] !== '') return undefined;
  const { error, ...rest } = JSON.parse(lines[0] ?? '');
  const complete = typeof error.detail === 'string' && typeof error.remedy === 'string';
  return complete && Object.keys(rest).length === 0 ? error.code : undefined;
}
