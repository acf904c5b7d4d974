/** From the body of an import, as it arrives, to checked entries: one JSON object a line, blank lines skipped. */
import { GatehouseError } from '../../core/errors.ts';
import { type Line, LineCutter } from '../../core/lines.ts';
import type { LineErrors } from './line-errors.ts';

/** All entries are held at once, because none is written before the last is checked: some 100 MB at the most. */
export const MAX_BYTES = 64 * 1024 * 1024;
/** They are written in one transaction, for which the writes of all others wait: some four seconds at the most. */
const MAX_LINES = 250_000;
/** As much as any other call takes for one device. */
const MAX_LINE_BYTES = 32 * 1024;

export interface Numbered<Entry> {
  readonly line: number;
  readonly entry: Entry;
}

/**
 * @param check makes an entry of what JSON.parse made of a line, or refuses it with a GatehouseError
 * @param errors takes the lines that were refused
 * @throws GatehouseError `list_too_large`; `body_invalid` where the body broke off
 */
export async function readEntries<Entry>(
  body: AsyncIterable<Uint8Array>,
  errors: LineErrors,
  check: (value: unknown, line: number) => Promise<Entry>,
): Promise<readonly Numbered<Entry>[]> {
  const entries: Numbered<Entry>[] = [];
  for await (const lines of linesOf(body)) {
    for (const line of lines) {
      const { number } = line;
      if (number > MAX_LINES) throw new GatehouseError('list_too_large', `more than ${MAX_LINES} lines`);
      await errors.collect(number, async () => {
        const text = textOf(line);
        if (text === '') return;
        const entry = await check(parseJson(text), number);
        // Of a file that is refused anyway nothing is kept.
        if (!errors.any) entries.push({ line: number, entry });
      });
    }
  }
  return entries;
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Line[]> {
  const cutter = new LineCutter({ maxBytes: MAX_LINE_BYTES });
  let bytes = 0;
  for await (const chunk of unbroken(body)) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new GatehouseError('list_too_large', `more than ${MAX_BYTES} bytes`);
    yield cutter.push(chunk);
  }
  yield cutter.end();
}

/** A connection that was cut is nobody's bug, and half a file must not pass for a whole one. */
async function* unbroken(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new GatehouseError('body_invalid', 'the body broke off before its end', { cause });
  }
}

function textOf(line: Line): string {
  if ('problem' in line) throw new GatehouseError('entry_invalid', `the line ${line.problem}`);
  return line.text.trim();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GatehouseError('entry_invalid', 'the line is not JSON', { cause });
  }
}
