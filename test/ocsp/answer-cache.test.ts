/** Kept answers: the ones not asked for longest make room, by count and by bytes. */
import { describe, expect, it } from '@jest/globals';
import { AnswerCache } from '../../enroll/status/answer-cache.ts';

const answer = (bytes: number) => ({ der: new Uint8Array(bytes) });

function filled(limits: { maxEntries: number; maxBytes: number }, ...entries: [string, number][]) {
  const cache = new AnswerCache(limits);
  for (const [request, bytes] of entries) cache.put(request, answer(bytes));
  return (...requests: string[]) => requests.filter((request) => cache.get(request) !== undefined);
}

describe('kept answers', () => {
  it('are found by their request, and by no other', () => {
    const cache = new AnswerCache({ maxEntries: 2, maxBytes: 100 });
    const kept = answer(10);
    cache.put('a', kept);
    expect([cache.get('a'), cache.get('b')]).toEqual([kept, undefined]);
  });

  it('beyond the count: the oldest is gone', () => {
    const found = filled({ maxEntries: 2, maxBytes: 1_000 }, ['a', 1], ['b', 1], ['c', 1]);
    expect(found('a', 'b', 'c')).toEqual(['b', 'c']);
  });

  it('that are asked for stay, and those that are not go', () => {
    const cache = new AnswerCache({ maxEntries: 2, maxBytes: 1_000 });
    cache.put('a', answer(1));
    cache.put('b', answer(1));
    cache.get('a');
    cache.put('c', answer(1));
    expect(['a', 'b', 'c'].map((request) => cache.get(request) !== undefined)).toEqual([true, false, true]);
  });

  it('beyond the bytes, requests counted in: as many go as it takes', () => {
    const found = filled({ maxEntries: 100, maxBytes: 30 }, ['a', 9], ['b', 9], ['c', 9], ['d', 19]);
    expect(found('a', 'b', 'c', 'd')).toEqual(['c', 'd']);
  });

  it('that are replaced are counted once', () => {
    const found = filled({ maxEntries: 100, maxBytes: 30 }, ['a', 9], ['b', 9], ['b', 9], ['b', 9]);
    expect(found('a', 'b')).toEqual(['a', 'b']);
  });

  it('that are larger than all there is room for are not kept', () => {
    const found = filled({ maxEntries: 100, maxBytes: 30 }, ['a', 9], ['b', 100], ['c', 9]);
    expect(found('a', 'b', 'c')).toEqual(['c']);
  });
});
