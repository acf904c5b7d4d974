/**
 * The two streams of a command: what people read, and with --json what programs read. Only the second ever
 * goes to standard output then.
 */
export interface Output {
  readonly json: boolean;
  /** Whether a person watches, on a terminal that takes cursor movements and colours. */
  readonly terminal: boolean;
  /** Columns of the terminal, or a sensible width for a file. */
  readonly columns: number;
  /** A line, or several, for people. */
  say(text: string): void;
  /** Text for people as it is, for a display that redraws itself. */
  write(text: string): void;
  /** One JSON value on a line of its own, for programs: nothing without --json. */
  result(value: unknown): void;
}

export function createOutput(json: boolean): Output {
  const people = json ? process.stderr : process.stdout;
  return {
    json,
    terminal: people.isTTY === true && process.env.TERM !== 'dumb',
    // Some terminals say 0.
    columns: people.columns || 100,
    say: (text) => void people.write(`${text}\n`),
    write: (text) => void people.write(text),
    result(value) {
      if (json) process.stdout.write(`${JSON.stringify(value)}\n`);
    },
  };
}
