/** How often something may happen: a token bucket, kept as the time until which it is used up; what is given back counts. */

/** Seconds' worth that may come at once. */
const BURST_S = 10;

export class Allowance {
  readonly #cost: number;
  #usedUntil = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#cost = 1_000 / perSecond;
  }

  /** `now` is in ms, of any clock that never goes back. */
  isLeft(now: number): boolean {
    return this.debt(now) + this.#cost <= BURST_S * 1_000;
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
