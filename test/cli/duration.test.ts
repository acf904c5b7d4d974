/** Durations as people write them. */
import { describe, expect, it } from '@jest/globals';
import { formatDuration, parseDuration } from '../../core/duration.ts';

describe('for people', () => {
  it.each([
    [0, '0s'],
    [1, '1ms'],
    [1_500, '1500ms'],
    [90_000, '90s'],
    [3_600_000, '1h'],
    [2_592_000_000, '30d'],
    [366 * 86_400_000, '366d'],
  ])('%d milliseconds are %s, which reads as the same', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
    expect(parseDuration(text)).toBe(milliseconds);
  });
});

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['15s', 15_000],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000],
    ['1y', 31_536_000_000],
    ['0s', 0],
  ])('%s is %d milliseconds', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each([
    '',
    '15',
    'm',
    '-1h',
    '1.5h',
    '1 h',
    '1H',
    '1h30m',
    '1w',
    '1e3s',
    '٣s',
    ' 1h',
    '1h\n',
    '9999999999s',
  ])('%j is none', (text) => {
    expect(parseDuration(text)).toBeNull();
  });
});
