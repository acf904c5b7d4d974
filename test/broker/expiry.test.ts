/** The end of a certificate by a clock that may be set. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { callAfter } from '../../broker/sessions/expiry.ts';

const DAY = 24 * 60 * 60_000;

let now: number;
const clock = { now: () => now };
beforeEach(() => {
  now = 0;
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function pass(milliseconds: number): void {
  now += milliseconds;
  jest.advanceTimersByTime(milliseconds);
}

it('comes at its moment, and not before', () => {
  const action = jest.fn();
  callAfter(200_000, clock, action);
  pass(200_000);
  expect(action).not.toHaveBeenCalled();
  pass(1);
  expect(action).toHaveBeenCalledTimes(1);
});

it('comes within a minute where the clock is set forward past it', () => {
  const action = jest.fn();
  callAfter(90 * DAY, clock, action);
  now += 91 * DAY;
  pass(60_000);
  expect(action).toHaveBeenCalledTimes(1);
});

it('does not come once it is cancelled', () => {
  const action = jest.fn();
  const cancel = callAfter(100_000, clock, action);
  pass(60_000);
  cancel();
  pass(DAY);
  expect(action).not.toHaveBeenCalled();
});
