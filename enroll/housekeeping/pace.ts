/**
 * How housekeeping keeps out of the way: a step takes some milliseconds, and between two of them others go on. Where
 * steps take longer, because others are busy or the disk is, so do the pauses.
 */
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits between two steps.
 * @param since when the last one began, by `performance.now()`
 * @param signal ends the waiting
 */
export type Pause = (since: number, signal: AbortSignal) => Promise<void>;

/** A tenth of the time at the most is housekeeping's. */
const PAUSE_FOR_STEP = 9;
const LEAST_PAUSE_MS = 20;

export const usualPause: Pause = async (since, signal) => {
  const pause = Math.max(LEAST_PAUSE_MS, PAUSE_FOR_STEP * (performance.now() - since));
  await delay(pause, undefined, { signal }).catch(() => undefined);
};
