/**
 * What a device may send a second, over all its connections: the generic cell rate algorithm, which is a token
 * bucket kept as one time for messages and one for bytes. A second's worth may come at once.
 */
import type { Limits } from '../../core/policy/policy.ts';

const BURST_MS = 1_000;

export class Budget {
  #messagesPaidUntil = Number.NEGATIVE_INFINITY;
  #bytesPaidUntil = Number.NEGATIVE_INFINITY;

  /** ms until the next packet may pass; 0 where it may now. `now` is in ms, of any clock that never goes back. */
  wait(now: number): number {
    return Math.max(0, this.debt(now) - BURST_MS);
  }

  /** ms until all is paid, and it is as good as new; 0 or less where it is. */
  debt(now: number): number {
    return Math.max(this.#messagesPaidUntil, this.#bytesPaidUntil) - now;
  }

  /** Pays for one packet. A large one is let through whole, and the next waits the longer. */
  spend(messages: number, bytes: number, limits: Limits, now: number): void {
    this.#messagesPaidUntil =
      Math.max(this.#messagesPaidUntil, now) + (messages / limits.messagesPerSecond) * 1_000;
    this.#bytesPaidUntil = Math.max(this.#bytesPaidUntil, now) + (bytes / limits.bytesPerSecond) * 1_000;
  }
}
