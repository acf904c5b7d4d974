/**
 * JSON lines that stand where what they were made of stands in the operator's file, with blank lines between them:
 * so what the server says of a line is true of the file.
 */
export class AlignedLines {
  readonly #parts: string[] = [];
  #next = 1;

  /** @param line of the file, more than that of the value before */
  add(line: number, value: object): void {
    this.#parts.push('\n'.repeat(line - this.#next), JSON.stringify(value), '\n');
    this.#next = line + 1;
  }

  get text(): string {
    return this.#parts.join('');
  }
}
