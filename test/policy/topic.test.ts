/** Which strings are topic names and filters, and which names a filter matches: MQTT 3.1.1 §4.7. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GatehouseError } from '../../core/errors.ts';
import { matches, parseTopicFilter, parseTopicName } from '../../core/policy/topic.ts';
import { anyCharacter } from '../support/any-character.ts';
import { filters, referenceExpression, topics } from './reference.ts';

const levels = (count: number) => Array(count).fill('a').join('/');

const inNeither: [why: string, text: string][] = [
  ['is empty', ''],
  ['holds NUL', 'a\u0000b'],
  ['holds a C0 control character', 'a\u001f'],
  ['holds DEL', 'a\u007f'],
  ['holds a C1 control character', 'a\u009f'],
  ['holds a lone high surrogate', 'a\ud800'],
  ['holds a lone high surrogate before a letter', '\ud83da'],
  ['holds a lone low surrogate', '\udc00a'],
  ['holds a non-character', 'a\uffff'],
  ['holds a non-character of the Arabic block', '\ufdd0'],
  ['is longer than 65,535 bytes of ASCII', 'a'.repeat(65_536)],
  ['is longer than 65,535 bytes of two', 'é'.repeat(32_768)],
  ['is longer than 65,535 bytes of three', '€'.repeat(21_846)],
  ['is longer than 65,535 bytes of four', '😀'.repeat(16_384)],
  ['has more than 64 levels', levels(65)],
];
const inBoth: [why: string, text: string][] = [
  ['one level', 'a'],
  ['empty levels alone', '/'],
  ['empty levels between', 'a//b/'],
  ['spaces', 'Accounts payable'],
  ['letters beyond ASCII and a surrogate pair', 'température/😀'],
  ['just 65,535 bytes of ASCII', 'a'.repeat(65_535)],
  ['just 65,535 bytes of three', '€'.repeat(21_845)],
  ['just 64 levels', levels(64)],
  ['a dollar sign', '$SYS/uptime'],
];

describe('when a topic name is parsed', () => {
  it.each(inNeither)('refuses one that %s', (_why, text) => {
    expect(() => parseTopicName(text)).toThrow(expect.objectContaining({ code: 'topic_name_invalid' }));
  });
  it.each(['+', '#', 'a/+', 'a/#', 'a+', 'a#b'])('refuses the wildcard in %s', (text) => {
    expect(() => parseTopicName(text)).toThrow(expect.objectContaining({ code: 'topic_name_invalid' }));
  });
  it.each(inBoth)('accepts %s', (_what, text) => {
    expect(parseTopicName(text)).toBe(text);
  });
});

describe('when a topic filter is parsed', () => {
  it.each(inNeither)('refuses one that %s', (_why, text) => {
    expect(() => parseTopicFilter(text)).toThrow(expect.objectContaining({ code: 'topic_filter_invalid' }));
  });
  it.each(['a+', '+a', 'a/b+/c', 'a/+b', '++', 'a#', '#a', 'a/b#', '#/a', 'a/#/b', '##', '#/', '#+'])(
    'refuses the wildcard in %s',
    (text) => {
      expect(() => parseTopicFilter(text)).toThrow(expect.objectContaining({ code: 'topic_filter_invalid' }));
    },
  );
  it.each(inBoth)('accepts %s', (_what, text) => {
    expect(parseTopicFilter(text)).toBe(text);
  });
  it.each(['+', '#', '+/+', 'a/+/b', '/+', '+/', 'a/#', '/#', '+/a/#'])('accepts %s', (text) => {
    expect(parseTopicFilter(text)).toBe(text);
  });
});

describe('whatever text is parsed', () => {
  it('either comes out unchanged or is refused with a GatehouseError', () => {
    const text = fc.oneof(
      fc.string({ unit: anyCharacter }),
      fc.string({ unit: fc.constantFrom('a', '/', '+', '#', '$', '\u0000', '\ud800', '\udc00') }),
    );
    fc.assert(
      fc.property(text, fc.constantFrom(parseTopicName, parseTopicFilter), (input, parse) => {
        try {
          return parse(input) === input;
        } catch (error) {
          return error instanceof GatehouseError;
        }
      }),
    );
  });
});

describe('when a filter is matched with a topic', () => {
  const examples: [filter: string, topic: string, expected: boolean][] = [
    // The standard's own examples (§4.7.1.2, §4.7.1.3, §4.7.2).
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/uptime', false],
    ['+/monitor/Clients', '$SYS/monitor/Clients', false],
    ['$SYS/#', '$SYS/uptime', true],
    ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
    // Beyond them.
    ['+', '$SYS', false],
    ['a/#', 'a/$b', true],
    ['a/+', 'a/$b', true],
    ['a/#', 'ab', false],
    ['a/#', 'a/', true],
    ['a/+/#', 'a', false],
    ['a/+/#', 'a/', true],
    ['a', 'A', false],
    ['a', 'a/', false],
    ['a/', 'a', false],
    ['#', '/', true],
    ['devices/dev1/#', 'devices/dev10', false],
    ['devices/dev1', 'devices/dev10', false],
    ['devices/dev10', 'devices/dev1', false],
  ];
  it.each(examples)('%s and %s: %s', (filter, topic, expected) => {
    expect(matches(parseTopicFilter(filter), parseTopicName(topic))).toBe(expected);
  });

  it('agrees with a regular expression made from the filter', () => {
    fc.assert(
      fc.property(filters, topics, (filter, topic) => {
        expect(matches(filter, topic)).toBe(referenceExpression(filter).test(topic));
      }),
      { numRuns: 2000 },
    );
  });
});
