/** Aligned columns, with nothing in them that a terminal would obey. */
import { describe, expect, it } from '@jest/globals';
import { printable, renderFields, renderTable } from '../../cli/table.ts';

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

describe('printable', () => {
  it('leaves text alone', () => {
    expect(printable('Presse № 7 – Zürich 😀')).toBe('Presse № 7 – Zürich 😀');
  });
});
