/**
 * The voices of a command: its result (with --json one JSON value a line, else text for people), and what people
 * read besides. With --json nothing but JSON goes to standard output.
 */
import type { CommandIo } from './io.ts';

const WIDTH_OF_A_FILE = 100;

export interface Output {
  readonly json: boolean;
  /** Whether a person watches, on a terminal that takes cursor movements and colours. */
  readonly terminal: boolean;
  /** Columns of the terminal, or a sensible width for a file. */
  readonly columns: number;
  /** The result: `value` for programs, or what `text` makes of it for people; undefined for nothing. */
  result(value: unknown, text?: () => string | undefined): void;
  /** A word to people about the result, beside it; programs do not get it. */
  note(text: string): void;
  /** A line, or several, of what people read: the command's own output, which with --json goes beside it. */
  say(text: string): void;
  /** The same without a line break, for a display that redraws itself. */
  write(text: string): void;
}

export function createOutput(
  { stdout, stderr, environment }: Pick<CommandIo, 'stdout' | 'stderr' | 'environment'>,
  json: boolean,
): Output {
  const people = json ? stderr : stdout;
  return {
    json,
    terminal: people.isTTY === true && environment.TERM !== 'dumb',
    // Some terminals say 0.
    columns: people.columns || WIDTH_OF_A_FILE,
    result(value, text) {
      const shown = json ? JSON.stringify(value) : text?.();
      if (shown !== undefined) stdout.write(`${shown}\n`);
    },
    note(text) {
      if (!json) stderr.write(`${text}\n`);
    },
    say: (text) => void people.write(`${text}\n`),
    write: (text) => void people.write(text),
  };
}
