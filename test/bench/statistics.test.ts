/** The order statistics that the benchmark's figures are. */
import { describe, expect, it } from '@jest/globals';
import { median, percentile } from '../../bench/harness/statistics.ts';

describe('the median', () => {
  it('is the middle one of an odd number, wherever it stands', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([7])).toBe(7);
  });

  it('lies halfway between the two in the middle of an even number', () => {
    expect(median([10, 1, 4, 2])).toBe(3);
  });

  it('goes by size and not by digits', () => {
    expect(median([100, 20, 3])).toBe(20);
  });

  it('of nothing is no number', () => {
    expect(median([])).toBeNaN();
  });
});

describe('a percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  it('is the smallest value that this share of all do not exceed', () => {
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([3, 1, 2], 0)).toBe(1);
  });

  it('of nothing is no number', () => {
    expect(percentile([], 0.5)).toBeNaN();
  });
});
