/**
 * Cuts a stream of bytes into lines of text, wherever its chunks begin and end: in the middle of a line, or of a
 * character. What a line may take is bounded before anything is decoded.
 */

/** Lines are numbered from 1, as editors do. The line break is no part of the text. */
export type Line =
  | { readonly number: number; readonly text: string }
  /** It could not be read: `problem` says why, as the end of a sentence about the line. */
  | { readonly number: number; readonly problem: string };

const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = '\ufeff';

export class LineCutter {
  readonly #maxBytes: number;
  /** Fatal: U+FFFD in place of what was sent would be another text. It would also take a BOM off any line. */
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  /** The beginning of a line whose end is still to come; nothing where it is too long already. */
  #held: Uint8Array[] = [];
  #length = 0;
  #number = 0;

  /** @param maxBytes of one line, without its line break */
  constructor({ maxBytes }: { readonly maxBytes: number }) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that end in this chunk. */
  push(chunk: Uint8Array): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      this.#hold(chunk.subarray(from, at));
      lines.push(this.#take());
      from = at + 1;
    }
    this.#hold(chunk.subarray(from));
    return lines;
  }

  /** The last line, where the stream ended without a line break. */
  end(): Line[] {
    return this.#length === 0 ? [] : [this.#take()];
  }

  #hold(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#maxBytes) this.#held = [];
    else if (part.length > 0) this.#held.push(part);
  }

  #take(): Line {
    const [held, length] = [this.#held, this.#length];
    this.#held = [];
    this.#length = 0;
    this.#number += 1;
    const number = this.#number;
    if (length > this.#maxBytes) return { number, problem: `is longer than ${this.#maxBytes} bytes` };
    try {
      return { number, text: withoutMarks(this.#decoder.decode(Buffer.concat(held)), number) };
    } catch {
      return { number, problem: 'is not UTF-8' };
    }
  }
}

/** The byte order mark and the carriage returns that Windows puts there. */
function withoutMarks(text: string, number: number): string {
  const start = number === 1 && text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  const end = text.endsWith('\r') ? -1 : undefined;
  return text.slice(start, end);
}
