/** One leg of the fleet's way (enrollment, connection): done once every member has either made it or dropped out. */

/** Milliseconds from any fixed point, never backwards: `performance.now`. */
export type Stopwatch = () => number;

export class Phase {
  /** Resolves when all members have settled. */
  readonly done: Promise<void>;
  readonly #total: number;
  readonly #stopwatch: Stopwatch;
  readonly #settled = new Set<string>();
  #succeeded = 0;
  #begun: number | undefined;
  #ended: number | undefined;
  #resolve: () => void = () => {};

  constructor(total: number, stopwatch: Stopwatch) {
    this.#total = total;
    this.#stopwatch = stopwatch;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  begin(): void {
    this.#begun = this.#stopwatch();
  }

  /** Counts once a member; what a member does later does not change how it got through. */
  settle(member: string, succeeded: boolean): void {
    if (this.#settled.has(member)) return;
    this.#settled.add(member);
    if (succeeded) this.#succeeded += 1;
    if (this.#settled.size === this.#total) {
      this.#ended = this.#stopwatch();
      this.#resolve();
    }
  }

  get total(): number {
    return this.#total;
  }

  get succeeded(): number {
    return this.#succeeded;
  }

  /** Whether it is under way. */
  get active(): boolean {
    return this.#begun !== undefined && this.#ended === undefined;
  }

  /** Seconds that it took, or has taken so far. */
  get seconds(): number {
    if (this.#begun === undefined) return 0;
    return ((this.#ended ?? this.#stopwatch()) - this.#begun) / 1000;
  }
}
