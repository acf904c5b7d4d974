/**
 * CSV as RFC 4180 has it: fields between commas, quoted where they hold a comma, a quote or a line break. A record
 * that breaks the rules is told with its line, and the next one is read.
 */

export type CsvRecord =
  /** @property line where it begins, from 1 */
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly problem: string };

/** A field without quotes ends at the first of these. */
const END_OF_FIELD = /[,\n]/g;

/** The records of `text` in their order; empty lines are none. Lines end in CRLF or LF. */
export function* csvRecords(text: string): Generator<CsvRecord> {
  const reader = new CsvReader(text);
  while (!reader.atEnd) {
    const line = reader.line;
    const fields = reader.record();
    if (typeof fields === 'string') yield { line, problem: fields };
    else if (fields.length > 1 || fields[0] !== '') yield { line, fields };
  }
}

/** Where reading stands in a text. */
class CsvReader {
  readonly #text: string;
  #at = 0;
  /** Of the character at `#at`, from 1. */
  line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The fields of the record that begins here, or what is wrong with it. Leaves it behind in either case. */
  record(): string[] | string {
    const fields: string[] = [];
    for (;;) {
      const field = this.#text[this.#at] === '"' ? this.#quoted() : this.#plain();
      if ('problem' in field) {
        this.#skipLine();
        return field.problem;
      }
      fields.push(field.value);
      if (this.#text[this.#at] !== ',') {
        this.#skipLine();
        return fields;
      }
      this.#at += 1;
    }
  }

  /** §2 rule 5: without quotes around it, a field has none inside. */
  #plain(): { value: string } | { problem: string } {
    const end = this.#endOfField(this.#at);
    const value = this.#text.slice(this.#at, end);
    this.#at = end;
    if (value.includes('"')) return { problem: 'a quote within a field that is not quoted' };
    return { value: this.#text[end] === ',' ? value : value.replace(/\r$/, '') };
  }

  /** §2 rules 6 and 7: anything up to the closing quote; a quote within is written twice. */
  #quoted(): { value: string } | { problem: string } {
    let value = '';
    let from = this.#at + 1;
    for (;;) {
      const quote = this.#text.indexOf('"', from);
      if (quote === -1) {
        this.#at = this.#text.length;
        return { problem: 'a quoted field that does not end' };
      }
      value += this.#text.slice(from, quote);
      if (this.#text[quote + 1] !== '"') {
        this.#moveTo(quote + 1);
        break;
      }
      value += '"';
      from = quote + 2;
    }
    const rest = this.#text.slice(this.#at, this.#endOfField(this.#at));
    if (rest.replace(/\r$/, '') !== '') return { problem: 'text after the closing quote of a field' };
    this.#at += rest.length;
    return { value };
  }

  #endOfField(from: number): number {
    END_OF_FIELD.lastIndex = from;
    return END_OF_FIELD.exec(this.#text)?.index ?? this.#text.length;
  }

  #skipLine(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#moveTo(end === -1 ? this.#text.length : end + 1);
  }

  #moveTo(at: number): void {
    for (let end = this.#text.indexOf('\n', this.#at); end !== -1 && end < at; ) {
      this.line += 1;
      end = this.#text.indexOf('\n', end + 1);
    }
    this.#at = at;
  }
}
