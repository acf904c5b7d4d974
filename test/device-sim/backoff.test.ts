/** The waits between attempts, and what servers say about them. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseRetryAfter } from '../../device-sim/contract/retry-after.ts';
import { backoffDelay } from '../../device-sim/device/backoff.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('back-off', () => {
  it('never waits longer than the cap, however often it failed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), random, (failures, share) => {
        const delay = backoffDelay({ base: 500, cap: 60_000, random: () => share }, failures);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(60_000);
      }),
    );
  });

  it('doubles the bound with each failure in a row', () => {
    const bound = (failures: number) => backoffDelay({ base: 500, cap: 60_000, random: () => 1 }, failures);
    expect([1, 2, 3, 4].map(bound)).toEqual([500, 1_000, 2_000, 4_000]);
  });

  it('spreads over the whole range below the bound', () => {
    const delay = (share: number) => backoffDelay({ base: 500, cap: 60_000, random: () => share }, 3);
    expect([0, 0.25, 0.5].map(delay)).toEqual([0, 500, 1_000]);
  });

  it('never comes back before the server asked for it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), random, fc.nat(3_600_000), (failures, share, atLeast) => {
        const delay = backoffDelay({ base: 500, cap: 60_000, random: () => share }, failures, atLeast);
        expect(delay).toBeGreaterThanOrEqual(atLeast);
      }),
    );
  });

  it('jitters what the server asked for, since it told everybody the same', () => {
    const delay = (share: number) => backoffDelay({ base: 500, cap: 60_000, random: () => share }, 1, 30_000);
    expect(delay(0.1)).not.toBe(delay(0.9));
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');

  it.each([
    ['7', 7_000],
    [' 7 ', 7_000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['999999999', 3_600_000],
  ])('%j is %d ms', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });

  it.each([[undefined], [''], ['soon'], ['-5x'], [['1', '2']]])('%j is nothing to go by', (header) => {
    expect(parseRetryAfter(header, now)).toBeNull();
  });

  it('is never beyond an hour nor in the past, whatever is sent', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const wait = parseRetryAfter(header, now);
        expect(wait === null || (wait >= 0 && wait <= 3_600_000)).toBe(true);
      }),
    );
  });
});
