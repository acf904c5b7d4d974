/** Waits for a condition that other processes or sockets bring about, with a deadline instead of a guess. */
import { setTimeout as delay } from 'node:timers/promises';

export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadline = 10_000,
): Promise<void> {
  const begun = performance.now();
  while (!(await condition())) {
    if (performance.now() - begun > deadline) throw new Error(`it did not come to pass: ${what}`);
    await delay(5);
  }
}
