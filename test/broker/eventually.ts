/** Waiting for what comes about by itself, within a deadline. */
import { setTimeout as delay } from 'node:timers/promises';

const STEP_MS = 5;

/** Resolves with the first result of `look` that is neither false nor undefined. */
export async function eventually<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  within = 10_000,
): Promise<T> {
  const deadline = performance.now() + within;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`it did not come about within ${within} ms: ${look}`);
    await delay(STEP_MS);
  }
}
