/**
 * One transaction for all that is asked for in one turn of the event loop, or a few where that takes long. Changes are made in
 * the order in which they were asked for, and promises resolve in that order too, each once its change is durable. Changes
 * that are asked for in one synchronous stretch of code are together in a transaction, all of them last, or none, unless
 * `separate` was called in between.
 *
 * After a failure nothing is changed any more: memory is ahead of the disk, and only a new start makes them one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { GatehouseError } from '../../../core/errors.ts';
import { asOwnError } from './open-database.ts';

/** ms for which changes are made before others get their turn. */
const TURN_MS = 20;

interface Task {
  readonly change: () => unknown;
  /** Null where nobody waits. */
  readonly settle: ((result: unknown, error: GatehouseError | null) => void) | null;
  /** Whether to wait for the disk, too. */
  readonly isSynced: boolean;
  /** Of what is in one transaction. */
  readonly group: number;
  result: unknown;
}

export interface GroupCommitOptions {
  readonly database: Database;
  /** Makes durable what was committed; null where a commit is durable enough. */
  readonly sync: (() => Promise<void>) | null;
  /** All that was changed by now is durable, and nothing else has been changed since. */
  readonly onDurable?: () => void;
  /** Called once. */
  readonly onFailure: (error: GatehouseError) => void;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #begin;
  readonly #commit;
  #asked: Task[] = [];
  /** Of the transaction that is not durable yet. */
  #underWay: Task[] = [];
  /** Of what is asked for now. */
  #flush: Promise<void> | undefined;
  #isScheduled = false;
  #isCommitting = false;
  #group = 0;
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
    return this.#run(change, true);
  }

  /** The same, where it is enough that it survives a crash of the process. */
  runUnsynced<Result>(change: () => Result): Promise<Result> {
    return this.#run(change, false);
  }

  #run<Result>(change: () => Result, isSynced: boolean): Promise<Result> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const settle = (result: unknown, error: GatehouseError | null) => {
        if (error === null) resolve(result as Result);
        else reject(error);
      };
      this.#ask({ change, settle, isSynced });
    });
  }

  /**
   * The same, where nobody waits for it: it may be lost with the process, and nothing that comes after it then stays.
   * @param onCommitted called with what `change` returned, once that survives a crash of the process; must not throw
   */
  post<Result>(change: () => Result, onCommitted?: (result: Result) => void): void {
    if (this.#failure !== null) return;
    const settle =
      onCommitted === undefined
        ? null
        : (result: unknown, error: GatehouseError | null) => {
            if (error === null) onCommitted(result as Result);
          };
    this.#ask({ change, settle, isSynced: false });
  }

  /**
   * Commits what was asked for by now, and resolves when it is durable. One promise for all who ask before the
   * transaction begins: with a thousand messages in it, a promise each would cost more than their rows.
   */
  flush(): Promise<void> {
    this.#flush ??= this.run(() => {});
    return this.#flush;
  }

  /** Nothing is changed from here on. */
  end(): void {
    this.#failure ??= new GatehouseError('session_store_failed', 'the store is closed');
  }

  /**
   * Between what was asked for so far and what follows, others may get their turn: the two need not be in one transaction. A
   * message for thousands is as much work as thousands of messages.
   */
  separate(): void {
    this.#group++;
  }

  #ask(task: Pick<Task, 'change' | 'settle' | 'isSynced'>): void {
    this.#asked.push({ ...task, group: this.#group, result: undefined });
    this.#schedule();
  }

  /** While the last transaction is on its way to the disk, the next one gathers: a slow disk makes them larger. */
  #schedule(): void {
    if (this.#isScheduled || this.#isCommitting) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#commitAsked().catch((error: unknown) => this.#fail(error));
    });
  }

  /** Who waits for the disk waits for all that was asked for with it, however many transactions that takes. */
  async #commitAsked(): Promise<void> {
    const tasks = this.#asked;
    this.#asked = [];
    this.#flush = undefined;
    this.#underWay = tasks;
    this.#isCommitting = true; // before anybody is told: what they ask for then gathers
    let synced: Promise<void> | null = null;
    for (let from = 0, to = 0; from < tasks.length; from = to) {
      if (from > 0) await nextTurn();
      to = this.#commitPart(tasks, from);
      if (to === tasks.length) synced = this.#sync(tasks);
      for (const { isSynced, settle, result } of tasks.slice(from, to)) if (!isSynced) settle?.(result, null);
    }
    await synced;
    if (tasks.some(({ isSynced }) => isSynced)) this.#options.onDurable?.();
    this.#isCommitting = false;
    this.#underWay = [];
    for (const { isSynced, settle, result } of tasks) if (isSynced) settle?.(result, null);
    if (this.#asked.length > 0) this.#schedule();
  }

  /** One transaction, which ends where others are to get their turn and nothing is torn apart. Returns how far it got. */
  #commitPart(tasks: readonly Task[], from: number): number {
    if (this.#failure !== null) throw this.#failure;
    const end = performance.now() + TURN_MS;
    let to = from;
    this.#begin.run();
    for (let task = tasks[to]; task !== undefined; task = tasks[++to]) {
      if (to > from && task.group !== tasks[to - 1]?.group && performance.now() > end) break;
      task.result = task.change();
    }
    this.#commit.run();
    return to;
  }

  /** Where nobody waits for the disk, the next one who does is early enough. */
  #sync(tasks: readonly Task[]): Promise<void> | null {
    const { sync } = this.#options;
    return sync !== null && tasks.some(({ isSynced }) => isSynced) ? sync() : null;
  }

  #fail(cause: unknown): void {
    const { database, onFailure } = this.#options;
    // Whatever it was, nothing of this turn may seem to have lasted.
    if (database.inTransaction) database.exec('ROLLBACK');
    const failure = this.#failure ?? asFailure(cause, database.name);
    if (this.#failure === null) onFailure(failure);
    this.#failure = failure;
    for (const { settle } of [...this.#underWay, ...this.#asked]) settle?.(undefined, failure);
    this.#underWay = [];
    this.#asked = [];
  }
}

function asFailure(cause: unknown, file: string): GatehouseError {
  const error = asOwnError(cause, file);
  return error.code === 'session_store_failed' || error.code === 'session_store_damaged'
    ? error
    : new GatehouseError('session_store_failed', error.message, { cause });
}
