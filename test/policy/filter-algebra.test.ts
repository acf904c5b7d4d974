/** How two filters relate: `covers` is inclusion of what they match, `intersects` a topic in common. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TopicFilter, TopicName } from '../../core/ids.ts';
import {
  covers,
  intersects,
  isTopicName,
  matches,
  parseTopicFilter,
  parseTopicName,
} from '../../core/policy/topic.ts';
import { filters, topics } from './reference.ts';

const f = parseTopicFilter;

describe('when one filter is asked for under another', () => {
  const covered: [outer: string, inner: string][] = [
    ['devices/dev1/commands/#', 'devices/dev1/commands/#'],
    ['devices/dev1/commands/#', 'devices/dev1/commands'],
    ['devices/dev1/commands/#', 'devices/dev1/commands/+'],
    ['devices/dev1/commands/#', 'devices/dev1/commands/+/now/#'],
    ['devices/+/telemetry/#', 'devices/dev1/telemetry/#'],
    ['+/#', '#'],
    ['#', '+/#'],
    ['/+/#', '/#'], // no topic is empty
    ['#', 'a//b'],
    ['+/+', '/'],
    ['$SYS/#', '$SYS/+/a'],
  ];
  it.each(covered)('%s covers %s', (outer, inner) => {
    expect(covers(f(outer), f(inner))).toBe(true);
  });

  const notCovered: [outer: string, inner: string][] = [
    ['devices/dev1/commands/#', '#'],
    ['devices/dev1/commands/#', 'devices/#'],
    ['devices/dev1/commands/#', 'devices/+/commands/#'],
    ['devices/dev1/commands/#', 'devices/dev10/commands/#'],
    ['devices/dev10/commands/#', 'devices/dev1/commands/#'],
    ['a/+', 'a/#'],
    ['a/+/#', 'a/#'], // the latter matches "a"
    ['+', '#'],
    ['a', '+'],
    ['#', '$SYS/a'],
    ['+/a', '$SYS/a'],
    ['#', '$share/group/a'],
  ];
  it.each(notCovered)('%s does not cover %s', (outer, inner) => {
    expect(covers(f(outer), f(inner))).toBe(false);
  });

  it('is true only where every topic of the inner is one of the outer', () => {
    fc.assert(
      fc.property(filters, filters, topics, (outer, inner, topic) => {
        if (covers(outer, inner) && matches(inner, topic)) expect(matches(outer, topic)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it('is false only where a topic shows it', () => {
    fc.assert(
      fc.property(filters, filters, (outer, inner) => {
        const witnesses = topicsOf(inner).filter((topic) => !matches(outer, topic));
        expect(covers(outer, inner)).toBe(witnesses.length === 0);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('when two filters are asked for a topic in common', () => {
  const meeting: [one: string, other: string][] = [
    ['a/+', '+/b'],
    ['a/#', 'a'],
    ['a/b/#', 'a/+'],
    ['#', 'a/b/c'],
    ['+/b/#', 'a/#'],
    ['+', '#'],
  ];
  const apart: [one: string, other: string][] = [
    ['a/+', 'a'],
    ['a/b/#', 'a'],
    ['a/+/c', 'a/b/d'],
    ['dev1/#', 'dev10/#'],
    ['+', '/#'],
    ['#', '$SYS/#'],
    ['+/a', '$SYS/a'],
  ];
  it.each(meeting)('%s and %s meet', (one, other) => {
    expect([intersects(f(one), f(other)), intersects(f(other), f(one))]).toEqual([true, true]);
  });
  it.each(apart)('%s and %s do not', (one, other) => {
    expect([intersects(f(one), f(other)), intersects(f(other), f(one))]).toEqual([false, false]);
  });

  it('answers alike both ways round, and never overlooks a topic', () => {
    fc.assert(
      fc.property(filters, filters, topics, (one, other, topic) => {
        expect(intersects(one, other)).toBe(intersects(other, one));
        if (matches(one, topic) && matches(other, topic)) expect(intersects(one, other)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('over every filter of up to three levels', () => {
  const universe = sequences(['a', 'b', '', '$s', 'fresh'], 4).filter(isTopicName);
  const all = [
    ...sequences(['a', 'b', '', '$s', '+'], 3),
    ...['', ...sequences(['a', 'b', '', '$s', '+'], 2).map((text) => `${text}/`)].map((text) => `${text}#`),
  ]
    .filter((text) => text !== '')
    .map((text) => ({ filter: f(text), matched: matchedBy(f(text), universe) }));

  it('covers is inclusion and intersects is a common topic, each exactly', () => {
    const wrong: string[] = [];
    for (const one of all) {
      for (const other of all) {
        const included = (other.matched & ~one.matched) === 0n;
        const common = (one.matched & other.matched) !== 0n;
        if (covers(one.filter, other.filter) !== included) wrong.push(`${one.filter} covers ${other.filter}`);
        if (intersects(one.filter, other.filter) !== common)
          wrong.push(`${one.filter} meets ${other.filter}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(all.length).toBeGreaterThan(150);
  });
});

/** Every text of one to `depth` of these levels. */
function sequences(levels: readonly string[], depth: number): string[] {
  if (depth === 1) return [...levels];
  const shorter = sequences(levels, depth - 1);
  return [...new Set([...shorter, ...shorter.flatMap((text) => levels.map((level) => `${text}/${level}`))])];
}

/** A bit for each topic of the universe. */
function matchedBy(filter: TopicFilter, universe: readonly TopicName[]): bigint {
  return BigInt(`0b${universe.map((topic) => (matches(filter, topic) ? '1' : '0')).join('')}`);
}

/**
 * Topics of `filter` that a filter of up to five levels matches all of only if it covers `filter`: its
 * wildcards stand for a level that no other filter names, `#` for none to six of them.
 */
function topicsOf(filter: TopicFilter): TopicName[] {
  const levels = filter.split('/').map((level) => (level === '+' ? 'fresh' : level));
  if (levels.at(-1) !== '#') return [parseTopicName(levels.join('/'))];
  const above = levels.slice(0, -1);
  return Array.from({ length: 7 }, (_, count) => [...above, ...Array(count).fill('fresh')].join('/')).filter(
    isTopicName,
  );
}
