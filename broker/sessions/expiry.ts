/** Timers for moments by the clock of the day, which Node's own know nothing of: it may be set forward meanwhile. */
import type { Clock } from '../../core/clock.ts';

/** The clock is looked at this often at least. */
const LONGEST_MS = 60_000;

/** Calls `action` once `clock` is past `time`, a minute later at most where it was set. Returns the function that cancels it. */
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
