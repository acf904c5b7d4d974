/** CSV by the rules of RFC 4180 §2, and what is told where they are broken. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { csvRecords } from '../../cli/import/csv.ts';

const read = (text: string) => [...csvRecords(text)];
const fields = (text: string) => read(text).map((record) => ('fields' in record ? record.fields : record));

/** As RFC 4180 has it written; quoted where it must be, or always. */
const encoded = (field: string, always: boolean) =>
  always || /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;

const field = fc.string({ unit: fc.constantFrom('a', 'é', '😀', ',', '"', '\n', '\r', ' ', '\u0000') });
const table = fc.array(
  fc.array(field, { minLength: 2, maxLength: 5 }).filter((row) => row.length > 1),
  { maxLength: 6 },
);

describe('CSV', () => {
  it('that was written by the rules is read as what was written, with the lines where its records begin', () => {
    fc.assert(
      fc.property(
        table,
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.boolean(),
        (rows, end, always, ended) => {
          const texts = rows.map((row) => row.map((one) => encoded(one, always)).join(','));
          const text = texts.join(end) + (ended && rows.length > 0 ? end : '');
          let line = 1;
          const expected = rows.map((row, index) => {
            const record = { line, fields: row };
            line += (texts[index] ?? '').split('\n').length;
            return record;
          });
          expect(read(text)).toEqual(expected);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('that is anything at all is read to its end, with lines that only grow', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r') }), (text) => {
        const lines = read(text).map(({ line }) => line);
        expect(lines).toEqual([...new Set(lines)].sort((a, b) => a - b));
        expect(lines.at(-1) ?? 0).toBeLessThanOrEqual(text.split('\n').length);
      }),
      { numRuns: 1_000 },
    );
  });

  it('keeps spaces and empty fields, and leaves empty lines out', () => {
    expect(fields('a, b ,\n\n\r\n,,')).toEqual([
      ['a', ' b ', ''],
      ['', '', ''],
    ]);
  });

  it.each([
    ['a quote within a plain field', 'x\na"b,c\nd', 2, 'a quote within a field that is not quoted'],
    ['text behind a quoted field', 'x\n"a"b,c\nd', 2, 'text after the closing quote of a field'],
    ['a quote that does not end', 'x\n"a\nb\nc', 2, 'a quoted field that does not end'],
  ])('with %s is told with its line', (_what, text, line, problem) => {
    expect(read(text)).toContainEqual({ line, problem });
  });

  it('goes on behind a broken record', () => {
    expect(read('a"\nb,c\n"d"e\nf')).toEqual([
      { line: 1, problem: expect.any(String) },
      { line: 2, fields: ['b', 'c'] },
      { line: 3, problem: expect.any(String) },
      { line: 4, fields: ['f'] },
    ]);
  });
});
