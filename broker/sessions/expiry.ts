/** Timers for moments further off than Node can count to. */
import type { Clock } from '../../core/clock.ts';

/** setTimeout takes at most 2^31 - 1 ms, and turns anything longer into 1. */
const LONGEST_MS = 2 ** 31 - 1;

/** Calls `action` once `clock` is past `time`. Returns the function that cancels it. */
export function callAfter(time: number, clock: Clock, action: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = () => {
    const left = time - clock.now();
    if (left < 0) return action();
    timer = setTimeout(arm, Math.min(left + 1, LONGEST_MS)).unref();
  };
  arm();
  return () => clearTimeout(timer);
}
