/** The waiting line, whatever comes and goes, in any order and at any time. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { LineModel, limits, networkNames } from './line-model.ts';

/** Few ports, so that some come twice. */
const ports = fc.integer({ min: 1, max: 60 });
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom(...networkNames), fc.constantFrom(0 as const, 1 as const), ports)
      .map((peer) => (model: LineModel) => model.join(...peer)),
  },
  { weight: 4, arbitrary: fc.nat(20).map((choice) => (model: LineModel) => model.prove(choice)) },
  { weight: 3, arbitrary: fc.nat(40).map((choice) => (model: LineModel) => model.leave(choice)) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(0, 1, 100, 250, 1_000, 5_000, limits.waitingTime)
      .map((time) => () => void jest.advanceTimersByTime(time)),
  },
  { weight: 1, arbitrary: fc.boolean().map((isBusy) => (model: LineModel) => model.beBusy(isBusy)) },
);

describe('the waiting line', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('keeps its bounds, lets nobody wait without a reason or out of turn, and forgets all who have gone', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const model = new LineModel();
        for (const take of steps) {
          take(model);
          model.check();
        }
        model.leaveAll();
        jest.advanceTimersByTime(2 * limits.waitingTime);
        expect(jest.getTimerCount()).toBe(0);
        model.beBusy(false);
        for (const network of networkNames) model.join(network, 0, 1);
        model.check();
        model.leaveAll();
        jest.runAllTimers();
      }),
      { numRuns: 300 },
    );
  });
});
