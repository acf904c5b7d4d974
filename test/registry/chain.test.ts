/** The hash chain and its canonical JSON, without any database. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from '../../core/journal/canonical-json.ts';
import { emptyChain, nextRow, verifyChain } from '../../core/journal/chain.ts';
import type { JournalEvent, JournalRow } from '../../core/journal/events.ts';
import { anyCharacter } from '../support/any-character.ts';
import { deviceId, NOW, name, someEvent } from './samples.ts';

const anyText = fc.string({ unit: anyCharacter });
const anyEvent: fc.Arbitrary<JournalEvent> = fc.dictionary(anyText, anyText).map((attributes) => ({
  action: 'device.changed',
  subject: deviceId('pump'),
  data: { group: name('default'), attributes },
}));

function chainOf(events: readonly JournalEvent[]): JournalRow[] {
  const rows: JournalRow[] = [];
  for (const event of events) rows.push(nextRow(rows.at(-1), { time: NOW, actor: 'system', event }));
  return rows;
}

/** Two to ten rows. */
const anyChain = fc.array(anyEvent, { minLength: 2, maxLength: 10 }).map(chainOf);
const broken = expect.objectContaining({ code: 'journal_broken' });

describe('canonical JSON', () => {
  it('is what RFC 8785 §3.2.3 gives for its example of sorting', () => {
    const example = {
      '\u20ac': 1,
      '\r': 2,
      '\ufb33': 3,
      '1': 4,
      '\ud83d\ude00': 5,
      '\u0080': 6,
      '\u00f6': 7,
    };
    const keys = ['\\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'];
    const values = [2, 4, 6, 7, 1, 5, 3];
    expect(canonicalJson(example)).toBe(`{${keys.map((key, at) => `"${key}":${values[at]}`).join(',')}}`);
  });

  it('is the same for the same value in another order, and reads back as that value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(reversed(value))).toBe(text);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it.each([undefined, Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 1, Symbol('s')])(
    'refuses %p, which JSON cannot carry, however deep',
    (value) => {
      expect(() => canonicalJson(value)).toThrow(TypeError);
      expect(() => canonicalJson({ a: [value] })).toThrow(TypeError);
    },
  );

  /** The same value with every object's keys inserted in the opposite order. */
  function reversed(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(reversed);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, of]) => [key, reversed(of)]),
    );
  }
});

describe('the chain', () => {
  it('hashes the canonical JSON of all other fields, as any program can', () => {
    const [first, second] = chainOf([someEvent('one'), someEvent('two')]);
    const text = `{"actor":"system","event":${canonicalJson(someEvent('two'))},"previousHash":"${first?.hash}","seq":2,"time":${NOW}}`;
    expect(second?.hash).toBe(createHash('sha256').update(text).digest('hex'));
    expect(first).toMatchObject({ seq: 1, previousHash: '0'.repeat(64) });
  });

  it('verifies as it was written, in pieces too, and returns its head', () => {
    fc.assert(
      fc.property(anyChain, fc.nat(), (rows, where) => {
        const cut = where % rows.length;
        const last = rows.at(-1);
        expect(verifyChain(rows)).toEqual({ seq: last?.seq, hash: last?.hash });
        const head = verifyChain(rows.slice(0, cut));
        expect(verifyChain(rows.slice(cut), head)).toEqual(verifyChain(rows));
        expect(verifyChain(JSON.parse(JSON.stringify(rows)))).toEqual(verifyChain(rows));
      }),
    );
  });

  it('is empty without rows', () => {
    expect(verifyChain([])).toEqual(emptyChain);
  });

  it('shows any edit at the row that was edited', () => {
    const edits: readonly ((row: JournalRow) => JournalRow)[] = [
      (row) => ({ ...row, time: row.time + 1 }),
      (row) => ({ ...row, actor: 'operator:mallory' }),
      (row) => ({ ...row, event: someEvent('forged') }),
      (row) => ({ ...row, hash: '0'.repeat(64) }),
      (row) => ({ ...row, previousHash: 'f'.repeat(64) }),
      (row) => ({ ...row, seq: row.seq + 1 }),
    ];
    fc.assert(
      fc.property(anyChain, fc.nat(), fc.constantFrom(...edits), (rows, where, edit) => {
        const index = where % rows.length;
        const edited = rows.map((row, at) => (at === index ? edit(row) : row));
        expectBroken(edited, index + 1);
      }),
    );
  });

  it('shows a forged row that was hashed anew, at the next row', () => {
    fc.assert(
      fc.property(anyChain, fc.nat(), (rows, where) => {
        const index = where % (rows.length - 1);
        const forged = nextRow(rows[index - 1], { time: NOW, actor: 'system', event: someEvent('forged') });
        expectBroken(
          rows.map((row, at) => (at === index ? forged : row)),
          index + 2,
        );
      }),
    );
  });

  it('shows a removed, repeated or moved row', () => {
    fc.assert(
      fc.property(anyChain, fc.nat(), (rows, where) => {
        const index = where % (rows.length - 1);
        expectBroken(rows.toSpliced(index, 1), index + 1);
        expectBroken(rows.toSpliced(index, 0, ...rows.slice(index, index + 1)), index + 2);
        expectBroken(rows.toSpliced(index, 2, ...rows.slice(index, index + 2).reverse()), index + 1);
      }),
    );
  });

  it('shows a gap in the numbers, even where all hashes fit', () => {
    const first = nextRow(undefined, { time: NOW, actor: 'system', event: someEvent() });
    const third = nextRow({ seq: 2, hash: first.hash }, { time: NOW, actor: 'system', event: someEvent() });
    expectBroken([first, third], 2);
  });

  it('shows rows cut off the end, given a head that was noted before', () => {
    fc.assert(
      fc.property(anyChain, fc.nat(), (rows, where) => {
        const head = verifyChain(rows);
        const kept = rows.slice(0, where % rows.length);
        expect(() => verifyChain(kept)).not.toThrow();
        expect(() => verifyChain(kept, undefined, head)).toThrow(broken);
        expect(verifyChain(rows, undefined, verifyChain(kept))).toEqual(head);
      }),
    );
  });

  it('shows a journal that was written anew from some row on, given a head that was noted before', () => {
    const rows = chainOf([someEvent('one'), someEvent('two'), someEvent('three')]);
    const noted = verifyChain(rows.slice(0, 2));
    const rewritten = chainOf([someEvent('one'), someEvent('2'), someEvent('three')]);
    expect(() => verifyChain(rewritten)).not.toThrow();
    expect(() => verifyChain(rewritten, undefined, noted)).toThrow(broken);
    expect(() => verifyChain([], verifyChain(rewritten.slice(0, 2)), noted)).toThrow(broken);
  });

  it('reads its rows one by one', () => {
    const rows = chainOf([someEvent('one'), someEvent('two')]);
    function* stream() {
      yield* rows;
    }
    expect(verifyChain(stream()).seq).toBe(2);
  });

  function expectBroken(rows: readonly JournalRow[], seq: number): void {
    expect(() => verifyChain(rows)).toThrow(broken);
    expect(() => verifyChain(rows)).toThrow(`journal row ${seq} `);
  }
});
