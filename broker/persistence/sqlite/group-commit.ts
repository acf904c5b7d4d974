/**
 * One transaction for all that is asked for in one turn of the event loop. Changes are made in the order in which
 * they were asked for, and promises resolve in that order too, each once its change is durable. Changes that are
 * asked for in one synchronous stretch of code are together in a transaction: all of them last, or none.
 *
 * After a failure nothing is changed any more: memory is ahead of the disk, and only a new start makes them one.
 */
import type { Database } from 'better-sqlite3';
import { GatehouseError } from '../../../core/errors.ts';
import { asOwnError } from './open-database.ts';

interface Task {
  readonly change: () => unknown;
  readonly settle: ((result: unknown, error: GatehouseError | null) => void) | null;
  result: unknown;
}

export interface GroupCommitOptions {
  readonly database: Database;
  /** Makes durable what was committed; null where a commit is durable enough. */
  readonly sync: (() => Promise<void>) | null;
  /** Called once. */
  readonly onFailure: (error: GatehouseError) => void;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #begin;
  readonly #commit;
  #asked: Task[] = [];
  #committed: Task[] = [];
  #isScheduled = false;
  #isSyncing = false;
  #failure: GatehouseError | null = null;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#begin = options.database.prepare('BEGIN IMMEDIATE');
    this.#commit = options.database.prepare('COMMIT');
  }

  get failure(): GatehouseError | null {
    return this.#failure;
  }

  /** Resolves with what `change` returns, once that is durable. @throws GatehouseError `session_store_failed` */
  run<Result>(change: () => Result): Promise<Result> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const settle = (result: unknown, error: GatehouseError | null) => {
        if (error === null) resolve(result as Result);
        else reject(error);
      };
      this.#ask({ change, settle, result: undefined });
    });
  }

  /** The same, where nobody waits for it: it may be lost with the process, and nothing that comes after it then stays. */
  post(change: () => void): void {
    if (this.#failure === null) this.#ask({ change, settle: null, result: undefined });
  }

  /** Commits what was asked for by now, and resolves when it is durable. */
  async flush(): Promise<void> {
    await this.run(() => {});
  }

  /** Nothing is changed from here on. */
  end(): void {
    this.#failure ??= new GatehouseError('session_store_failed', 'the store is closed');
  }

  #ask(task: Task): void {
    this.#asked.push(task);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#commitTurn());
  }

  #commitTurn(): void {
    this.#isScheduled = false;
    const tasks = this.#asked;
    this.#asked = [];
    for (const task of tasks) this.#committed.push(task);
    if (this.#failure !== null) {
      this.#rejectAll(this.#failure);
      return;
    }
    try {
      this.#begin.run();
      for (const task of tasks) task.result = task.change();
      this.#commit.run();
    } catch (error) {
      this.#fail(error);
      return;
    }
    void this.#makeDurable();
  }

  async #makeDurable(): Promise<void> {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    while (this.#committed.length > 0 && this.#failure === null) {
      const tasks = this.#committed;
      this.#committed = [];
      try {
        // Where nobody waits, the next one who does is early enough.
        if (this.#options.sync !== null && tasks.some(({ settle }) => settle !== null))
          await this.#options.sync();
      } catch (error) {
        this.#committed = [...tasks, ...this.#committed];
        this.#fail(error);
        break;
      }
      for (const { settle, result } of tasks) settle?.(result, null);
    }
    this.#isSyncing = false;
  }

  #fail(cause: unknown): void {
    const { database, onFailure } = this.#options;
    // Whatever it was, nothing of this turn may seem to have lasted.
    if (database.inTransaction) database.exec('ROLLBACK');
    const failure = asFailure(cause, database.name);
    this.#failure = failure;
    onFailure(failure);
    this.#rejectAll(failure);
  }

  #rejectAll(failure: GatehouseError): void {
    for (const { settle } of this.#committed.splice(0)) settle?.(undefined, failure);
  }
}

function asFailure(cause: unknown, file: string): GatehouseError {
  const error = asOwnError(cause, file);
  return error.code === 'session_store_failed' || error.code === 'session_store_damaged'
    ? error
    : new GatehouseError('session_store_failed', error.message, { cause });
}
