/** How a transaction stands: whether it may still be used, and whether the journal tells of what it changed. */
import type { RunResult } from 'better-sqlite3';

export class TransactionState {
  #changes = 0;
  #events = 0;
  #failure: { readonly error: unknown } | undefined;
  #ended = false;

  /** Runs `work` from its beginning to its end, after which the transaction cannot be used any more. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.checkUsable();
      if (this.#changes > 0 && this.#events === 0) {
        throw new Error('A transaction changed the registry and appended no event to the journal');
      }
      return result;
    } finally {
      this.#ended = true;
    }
  }

  /**
   * Runs one change; one that changes no row is refused with `refusal`. A change that fails, fails the whole
   * transaction, even if `work` catches the error: half of what it meant to do must not be committed.
   */
  change(run: () => RunResult, refusal?: () => Error): RunResult {
    this.checkUsable();
    try {
      const result = run();
      if (result.changes === 0 && refusal !== undefined) throw refusal();
      this.#changes += result.changes;
      return result;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /** The journal has a row of this transaction. */
  eventAppended(): void {
    this.#events += 1;
  }

  checkUsable(): void {
    if (this.#ended) throw new Error('The transaction has ended: work must await each of its methods');
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
