/** From the files that operators have to the lines that the server takes, each with the number it has in the file. */
import { describe, expect, it } from '@jest/globals';
import { deviceLines } from '../../cli/import/device-csv.ts';
import { decodeText } from '../../cli/import/input-file.ts';
import { keyLines } from '../../cli/import/key-list.ts';
import type { ReportedError } from '../../runtime/command-line/last-words.ts';

/** What stands in each line, by its number. */
function numbered(lines: string): Record<number, unknown> {
  const all = lines.split('\n').map((line, index) => [index + 1, line] as const);
  return Object.fromEntries(
    all.filter(([, line]) => line !== '').map(([at, line]) => [at, JSON.parse(line)]),
  );
}

describe('a table of devices', () => {
  it('becomes an entry a line, at the line where its record begins', () => {
    const csv = 'attr.site,id,group\r\n"a\r\nb",one,g\r\n\r\n,two,g\r\n';
    expect(numbered(deviceLines(csv))).toEqual({
      2: { id: 'one', group: 'g', attributes: { site: 'a\r\nb' } },
      5: { id: 'two', group: 'g', attributes: {} },
    });
  });

  it.each([
    ['', 'there is no line with the columns'],
    ['id\n', 'the first line names no column "group"'],
    ['group,attr.id\n', 'the first line names no column "id"'],
    ['id,group,site\n', '"site" is neither id nor group nor attr.NAME'],
    ['id, group\n', 'the first line names no column "group"'],
    ['id,group,id\n', 'there are two columns "id"'],
    ['id,group,attr.__proto__\n', '"attr.__proto__" is neither id nor group nor attr.NAME'],
  ])('with the first line %j is refused', (csv, detail) => {
    expect(() => deviceLines(csv)).toThrow(expect.objectContaining({ code: 'csv_invalid', message: detail }));
  });

  it('with an attribute that objects have anyway keeps it as one of the device', () => {
    expect(numbered(deviceLines('id,group,attr.constructor\na,g,x\nb,g,'))).toEqual({
      2: { id: 'a', group: 'g', attributes: { constructor: 'x' } },
      3: { id: 'b', group: 'g', attributes: {} },
    });
  });

  it('with broken lines tells the first twenty, and counts them all', () => {
    const csv = `id,group\n${'only-one-field\n'.repeat(22)}a,g,more\nb"c,g\n`;
    const { words } = refusalOf(() => deviceLines(csv));
    expect(words).toMatchObject({ code: 'csv_invalid', errorCount: 24 });
    expect(words.errors?.map(({ line }) => line)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 2),
    );
    expect(words.errors?.[0]?.detail).toBe('1 fields; the first line has 2');
  });
});

describe('a list of keys', () => {
  it('becomes an entry a line, with its own note or that of the list', () => {
    const list = '# weak keys\n\naa11\tfound in firmware 3\r\nbb22\n  cc33  # of a sample #7\n   # more\n';
    expect(numbered(keyLines(list, 'by default'))).toEqual({
      3: { fingerprint: 'aa11', note: 'found in firmware 3' },
      4: { fingerprint: 'bb22', note: 'by default' },
      5: { fingerprint: 'cc33', note: 'of a sample #7' },
    });
  });
});

describe('a text', () => {
  it('is read with the mark that Windows puts before it', () => {
    expect(decodeText('f', Buffer.from('\ufeffid,group'))).toBe('id,group');
  });

  it('that is not UTF-8 is refused with its line', () => {
    const latin1 = Buffer.concat([Buffer.from('id,group\né,g\n'), Buffer.from('M\u00fcnchen,g', 'latin1')]);
    expect(() => decodeText('fleet.csv', latin1)).toThrow('line 3 of fleet.csv is not UTF-8');
  });
});

function refusalOf(work: () => void): ReportedError {
  try {
    work();
  } catch (error) {
    return error as ReportedError;
  }
  throw new Error('nothing was refused');
}
