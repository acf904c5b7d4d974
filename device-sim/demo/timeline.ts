/** Where the time went: each step of the demo and how long it took. */
export class Timeline {
  readonly #milliseconds = new Map<string, number>();

  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      return await work();
    } finally {
      this.#milliseconds.set(name, Math.round(performance.now() - begun));
    }
  }

  /** 0 for a step that has not been. */
  milliseconds(name: string): number {
    return this.#milliseconds.get(name) ?? 0;
  }

  /** All steps so far, in their order. */
  get seconds(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#milliseconds].map(([name, time]) => [name, time / 1000]));
  }
}
