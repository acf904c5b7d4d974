/** Where the time went: each step of the demo with its seconds. */
export class Timeline {
  readonly #seconds: Record<string, number> = {};

  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      return await work();
    } finally {
      this.#seconds[name] = Math.round(performance.now() - begun) / 1000;
    }
  }

  get seconds(): Readonly<Record<string, number>> {
    return this.#seconds;
  }
}
