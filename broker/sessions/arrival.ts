/**
 * The way of a connection up to where it is attached, which may end early, once and with a reason. What an AbortSignal does,
 * for a few bytes and hardly any time: each of thousands that come back at once has one.
 */
export class Arrival {
  #reason: Error | null = null;
  #listeners: readonly (() => void)[] = [];

  /** Why it ended; null while it goes on, or after it came to where it wanted. */
  get reason(): Error | null {
    return this.#reason;
  }

  /** Of several reasons the first counts. */
  end(reason: Error): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    for (const listener of this.#listeners) listener();
    this.#listeners = [];
  }

  /** @throws the reason, where it has ended */
  throwIfEnded(): void {
    if (this.#reason !== null) throw this.#reason;
  }

  /** Resolves and rejects with `step`, unless the arrival ends before: then it rejects with the reason. */
  unlessEnded<T>(step: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const stopListening = this.onEnd(reject);
      step.then(
        (value) => {
          stopListening();
          resolve(value);
        },
        (error) => {
          stopListening();
          reject(error);
        },
      );
    });
  }

  /** Calls `listener` when it ends, or at once where it has. Returns the function that takes that back. */
  onEnd(listener: (reason: Error) => void): () => void {
    if (this.#reason !== null) {
      listener(this.#reason);
      return () => {};
    }
    const entry = () => {
      if (this.#reason !== null) listener(this.#reason);
    };
    this.#listeners = [...this.#listeners, entry];
    return () => {
      this.#listeners = this.#listeners.filter((one) => one !== entry);
    };
  }
}
