/**
 * How many handshakes may be under way, of one network or in all. A few may have just begun, so that each is done soon and
 * none waits on hundreds of others for the processor; who takes long by itself keeps nobody from beginning, up to another
 * bound, since all it takes is memory. While the processor is what they wait for, none more begins for that. And only so
 * many a second may come to nothing.
 */
import { Allowance } from './allowance.ts';

export interface PlaceLimits {
  /** Those that have just begun. */
  readonly atOnce: number;
  /** However long ago they began. */
  readonly inAll: number;
  readonly failuresPerSecond: number;
  /** The process has more to do than it gets done: a handshake that takes long does so for that. */
  readonly isBusy: () => boolean;
}

/** ms for which a handshake counts as one that has just begun: a few round trips of a slow network. */
const BEGINNING_MS = 1_000;
/** ms after which it is looked again whether the process has time. */
const BUSY_MS = 250;

export class Places {
  readonly #limits: PlaceLimits;
  readonly #failures: Allowance;
  readonly #taken = new Set<object>();
  /** When each of those began that have just begun, the first one first. */
  readonly #beginnings = new Map<object, number>();

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
    this.#failures = new Allowance(limits.failuresPerSecond);
  }

  get areEmpty(): boolean {
    return this.taken === 0;
  }

  /** How many of `inAll` there are. */
  get taken(): number {
    return this.#taken.size;
  }

  /** ms until the next may begin, if none ends before; 0 where it may now. `now` is of any clock that never goes back. */
  wait(now: number): number {
    const { inAll } = this.#limits;
    if (this.#taken.size >= inAll) return Number.POSITIVE_INFINITY;
    return Math.max(this.#failures.wait(now), this.#waitForBeginnings(now));
  }

  /** ms until nothing is held against it any more; 0 or less where nothing is. */
  debt(now: number): number {
    return this.#failures.debt(now);
  }

  /** Taken for a failure until it has proven itself. */
  take(holder: object, now: number): void {
    this.#taken.add(holder);
    this.#beginnings.set(holder, now);
    this.#failures.spend(now);
  }

  leave(holder: object, { isProven }: { readonly isProven: boolean }): void {
    this.#beginnings.delete(holder);
    if (this.#taken.delete(holder) && isProven) this.#failures.refund();
  }

  #waitForBeginnings(now: number): number {
    const { atOnce, isBusy } = this.#limits;
    if (this.#beginnings.size < atOnce) return 0;
    for (const [holder, begunAt] of this.#beginnings) {
      const rest = begunAt + BEGINNING_MS - now;
      if (rest > 0) return this.#beginnings.size < atOnce ? 0 : rest;
      if (isBusy()) return BUSY_MS;
      this.#beginnings.delete(holder);
    }
    return 0;
  }
}
