/** The two voices of a command: with --json one JSON value a line on standard output, else text for people. */
import type { CommandIo } from './io.ts';

export class Output {
  readonly json: boolean;
  readonly #io: CommandIo;

  constructor(io: CommandIo, json: boolean) {
    this.#io = io;
    this.json = json;
  }

  /** The result: `value` for programs, or what `text` makes of it for people. */
  result(value: unknown, text: () => string): void {
    this.#io.stdout.write(`${this.json ? JSON.stringify(value) : text()}\n`);
  }

  /** A word to people about the result; programs do not get it. */
  note(text: string): void {
    if (!this.json) this.#io.stderr.write(`${text}\n`);
  }
}
