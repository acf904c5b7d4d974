/** A clock that is wrong removes nothing that stands. */
import { describe, expect, it } from '@jest/globals';
import { carefulClock } from '../../enroll/housekeeping/careful-clock.ts';

const DAY = 86_400_000;
const YEAR = 365 * DAY;
const LAST_WRITE = Date.UTC(2026, 0, 1);

class Moment {
  shown = LAST_WRITE;
  passed = 1_000;
  readonly clock = carefulClock({
    clock: { now: () => this.shown },
    lastWrite: LAST_WRITE,
    elapsed: () => this.passed,
  });
}

describe('the time that housekeeping goes by', () => {
  it('is what the clock shows, after a start soon after the last write', () => {
    const moment = new Moment();
    moment.shown += 3 * DAY;
    expect(moment.clock.now()).toBe(LAST_WRITE + 3 * DAY);
    moment.shown += 40 * DAY;
    moment.passed += 40 * DAY;
    expect(moment.clock.now()).toBe(LAST_WRITE + 43 * DAY);
  });

  it('goes a week beyond the last write at the most, where the clock was wrong at the start', () => {
    const moment = new Moment();
    moment.shown += 10 * YEAR;
    expect(moment.clock.now()).toBe(LAST_WRITE + 7 * DAY);
    moment.passed += DAY;
    expect(moment.clock.now()).toBe(LAST_WRITE + 8 * DAY);
  });

  it('does not follow a clock that is set forward later', () => {
    const moment = new Moment();
    moment.passed += 60 * DAY;
    moment.shown += 10 * YEAR;
    expect(moment.clock.now()).toBe(LAST_WRITE + 67 * DAY);
  });

  it('follows a clock that is set back', () => {
    const moment = new Moment();
    moment.shown -= YEAR;
    expect(moment.clock.now()).toBe(LAST_WRITE - YEAR);
  });
});
