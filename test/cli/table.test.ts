/** Aligned columns, with nothing in them that a terminal would obey. */
import { describe, expect, it } from '@jest/globals';
import { renderFields, renderTable, toTheSecond } from '../../cli/table.ts';
import { printable } from '../../runtime/command-line/printable.ts';

describe('a table', () => {
  it('aligns its columns, shows null as a dash, and leaves no spaces at the ends of lines', () => {
    const rows = [
      ['press-7', 'active', 3],
      ['é😀', null, 12],
    ];
    expect(renderTable(['ID', 'STATUS', 'N'], rows)).toBe(
      ['ID       STATUS  N', 'press-7  active  3', 'é😀       -       12'].join('\n'),
    );
  });

  it('has its titles where there are no rows', () => {
    expect(renderTable(['ID', 'STATUS'], [])).toBe('ID  STATUS');
  });

  it('shows control characters instead of sending them to the terminal', () => {
    expect(renderTable(['NOTE'], [['\u001b[2Jgone\n\u009b31m\u202e']])).toBe(
      'NOTE\n\\u001b[2Jgone\\u000a\\u009b31m\\u202e',
    );
  });
});

describe('fields', () => {
  it('align their values', () => {
    expect(renderFields({ ID: 'press-7', attributes: null })).toBe('ID          press-7\nattributes  -');
  });
});

describe('a time', () => {
  it.each([
    ['2030-01-02T03:04:05.678Z', '2030-01-02T03:04:05Z'],
    ['2030-01-02T03:04:05Z', '2030-01-02T03:04:05Z'],
  ])('%s is shown as %s', (time, shown) => {
    expect(toTheSecond(time)).toBe(shown);
  });
});

describe('printable', () => {
  it('leaves text alone', () => {
    expect(printable('Presse № 7 – Zürich 😀')).toBe('Presse № 7 – Zürich 😀');
  });
});
