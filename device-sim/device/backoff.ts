/**
 * How long to wait before the next attempt: exponential back-off with full jitter, so that a fleet that lost its
 * server at one moment does not come back at one moment.
 */

export interface Backoff {
  /** Milliseconds: the bound of the first wait. It doubles with each failure in a row. */
  readonly base: number;
  /** Milliseconds: the bound never grows beyond this. */
  readonly cap: number;
  /** A number in [0, 1); replaced in tests. */
  readonly random: () => number;
}

export const defaultBackoff: Backoff = { base: 500, cap: 60_000, random: Math.random };

/** For what only an operator can change: rare enough for a fleet to knock for months. */
export const patientBackoff: Backoff = { base: 10_000, cap: 5 * 60_000, random: Math.random };

/**
 * @param failures how many attempts in a row have failed, at least 1
 * @param atLeast milliseconds the server asked to wait; the jitter is added to it, since everybody was told the same
 * @returns milliseconds
 */
export function backoffDelay({ base, cap, random }: Backoff, failures: number, atLeast = 0): number {
  // 2 ** 31 is far past any cap; more would only turn into Infinity.
  const bound = Math.min(cap, base * 2 ** Math.min(failures - 1, 31));
  return Math.round(atLeast + random() * bound);
}
