/** The journal is verified on the operator's side: whatever a server answers, a changed row is found. */
import { describe, expect, it } from '@jest/globals';
import { verifyJournal } from '../../cli/journal-verification.ts';
import { parseEntityName } from '../../core/ids.ts';
import { emptyChain, nextRow } from '../../core/journal/chain.ts';
import type { JournalRow } from '../../core/journal/events.ts';

function journalOf(length: number): JournalRow[] {
  const rows: JournalRow[] = [];
  for (let index = 0; index < length; index++) {
    const subject = parseEntityName(`operator-${index}`);
    const event = { action: 'operator.created', subject, data: { role: 'viewer' } } as const;
    rows.push(nextRow(rows.at(-1), { time: 1_000 + index, actor: 'system', event }));
  }
  return rows;
}

/** As a server answers them, in pages of three. */
async function* pagesOf(rows: readonly unknown[]): AsyncGenerator<readonly unknown[]> {
  for (let start = 0; start <= rows.length; start += 3) {
    yield JSON.parse(JSON.stringify(rows.slice(start, start + 3)));
  }
}

const rows = journalOf(8);
const head = { seq: 8, hash: rows.at(-1)?.hash ?? '' };
const noted = { seq: 5, hash: rows[4]?.hash ?? '' };

describe('an untouched journal', () => {
  it('verifies over its pages, and tells its head', async () => {
    expect(await verifyJournal(pagesOf(rows))).toEqual(head);
  });
  it('verifies when it is empty', async () => {
    expect(await verifyJournal(pagesOf([]))).toEqual(emptyChain);
  });
  it.each([
    ['in an earlier page', noted],
    ['that is its last', head],
    ['of the empty journal', emptyChain],
  ])('still holds a head noted earlier %s', async (_where, expected) => {
    expect(await verifyJournal(pagesOf(rows), expected)).toEqual(head);
  });
});

describe('a journal that the server tampered with', () => {
  const edited = (seq: number, change: object) =>
    rows.map((row) => (row.seq === seq ? { ...row, ...change } : row));
  const tampered: [what: string, rows: readonly unknown[]][] = [
    ['an edited time', edited(4, { time: 1 })],
    ['an edited actor', edited(4, { actor: 'operator:mallory' })],
    ['an edited event', edited(4, { event: { action: 'operator.created', subject: 'x', data: {} } })],
    [
      'an edited row with its own hash made to fit',
      rows.map((row) => (row.seq === 4 ? { ...nextRow(rows[2], { ...row, time: 1 }) } : row)),
    ],
    ['a row removed', rows.filter(({ seq }) => seq !== 4)],
    ['the first row removed', rows.slice(1)],
    ['a row told twice', [...rows.slice(0, 4), ...rows.slice(3)]],
    ['two rows swapped', [...rows.slice(0, 3), rows[4], rows[3], ...rows.slice(5)]],
    ['a row without an event', edited(4, { event: undefined })],
    ['a row without a hash', edited(4, { hash: undefined })],
    ['a seq that is text', edited(4, { seq: '4' })],
    ['null instead of a row', rows.map((row) => (row.seq === 4 ? null : row))],
  ];
  it.each(tampered)('is found by %s', async (_what, answer) => {
    await expect(verifyJournal(pagesOf(answer))).rejects.toMatchObject({ code: 'journal_broken' });
  });

  it('and the message names the row', async () => {
    await expect(verifyJournal(pagesOf(edited(5, { time: 1 })))).rejects.toThrow(/row 5 /);
  });
});

describe('a journal that does not hold the head noted earlier', () => {
  it('is found when rows were cut off its end', async () => {
    await expect(verifyJournal(pagesOf(rows.slice(0, 6)), head)).rejects.toMatchObject({
      code: 'journal_broken',
    });
  });
  it('is found when it was cut off whole', async () => {
    await expect(verifyJournal(pagesOf([]), noted)).rejects.toMatchObject({ code: 'journal_broken' });
  });
  it('is found when it was written anew', async () => {
    const expected = { seq: 5, hash: 'f'.repeat(64) };
    await expect(verifyJournal(pagesOf(rows), expected)).rejects.toMatchObject({ code: 'journal_broken' });
  });
});
