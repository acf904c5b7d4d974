/** Waiting for what comes about by itself: what no event tells is asked again and again, until a deadline. */
import { setTimeout as delay } from 'node:timers/promises';

const STEP_MS = 5;
/** Long past what a busy machine takes, and within the time that a test has: it tells what was waited for. */
const DEADLINE_MS = 60_000;

/** Resolves with the first result of `look` that is neither false nor undefined. @param within ms */
export async function eventually<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  within = DEADLINE_MS,
): Promise<T> {
  const deadline = performance.now() + within;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`it did not come about within ${within} ms: ${look}`);
    await delay(STEP_MS);
  }
}
