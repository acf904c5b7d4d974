/** Waits for what enroll writes: the broker may well be started first. */
import { setTimeout as delay } from 'node:timers/promises';
import { GatehouseError } from '../core/errors.ts';
import type { Logger } from '../runtime/log.ts';

const WAIT_MS = 30_000;
const RETRY_MS = 250;

/**
 * Resolves with the result of `open` once it succeeds.
 * @param what for the log and the error, such as `the registry`
 * @throws GatehouseError when it has not succeeded in time: the last one of `open`, or `data_missing`
 */
export async function awaitData<T>(
  what: string,
  open: () => Promise<T>,
  { log, waitTime = WAIT_MS }: { readonly log: Logger; readonly waitTime?: number },
): Promise<T> {
  const deadline = performance.now() + waitTime;
  for (let attempt = 1; ; attempt++) {
    try {
      return await open();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      if (performance.now() >= deadline) {
        if (cause instanceof GatehouseError) throw cause;
        throw new GatehouseError('data_missing', `${what} is not ready: ${reason}`, { cause });
      }
      if (attempt === 1) log.info({ reason }, `waiting for ${what}`);
      await delay(RETRY_MS);
    }
  }
}
