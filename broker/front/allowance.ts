/** How often something may happen: a token bucket, kept as the time until which it is used up; what is given back counts. */

/** Seconds' worth that may come at once, unless it is said. */
const BURST_S = 10;

export class Allowance {
  readonly #cost: number;
  readonly #burst: number;
  #usedUntil = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, burstSeconds = BURST_S) {
    this.#cost = 1_000 / perSecond;
    this.#burst = burstSeconds * 1_000;
  }

  /** `now` is in ms, of any clock that never goes back. */
  isLeft(now: number): boolean {
    return this.wait(now) === 0;
  }

  /** ms until there is some left; 0 where there is. */
  wait(now: number): number {
    return Math.max(0, this.debt(now) + this.#cost - this.#burst);
  }

  /** ms until it is as good as new; 0 or less where it is. */
  debt(now: number): number {
    return this.#usedUntil - now;
  }

  spend(now: number): void {
    this.#usedUntil = Math.max(this.#usedUntil, now) + this.#cost;
  }

  refund(): void {
    this.#usedUntil -= this.#cost;
  }
}
