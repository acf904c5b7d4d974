/**
 * One transaction for all that is asked for in one turn of the event loop, or while the last one is on its way to the disk: a
 * round. Changes are made in the order in which they were asked for, but for what publishers ask for beyond a round, which is in
 * later ones (`rounds.ts`), and promises resolve in that order too, each once its change is durable. Changes that are asked for
 * in one synchronous stretch of code, by one publisher or by none, are together in a transaction, all of them last, or none,
 * unless `separate` was called in between.
 *
 * Where a round takes long, others have their turn in the midst of it, with the transaction open: a commit writes each page that
 * was touched, and one message for thousands touches a page of each of their queues.
 *
 * After a failure nothing is changed any more: memory is ahead of the disk, and only a new start makes them one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { GatehouseError } from '../../../core/errors.ts';
import { Backlog } from './backlog.ts';
import { asOwnError } from './open-database.ts';
import { type Part, type Round, Rounds, type Share, type Task } from './rounds.ts';

/** ms for which changes are made, or told of, before others get their turn. */
const TURN_MS = 20;

export interface GroupCommitOptions {
  readonly database: Database;
  /** Makes durable what was committed; null where a commit is durable enough. */
  readonly sync: (() => Promise<void>) | null;
  /** What is to be done between two rounds, where anything is: nothing is written meanwhile. */
  readonly betweenRounds?: () => Promise<void> | null;
  /** All that was changed by now is durable, and nothing else has been changed since. */
  readonly onDurable?: () => void;
  /** Called once. */
  readonly onFailure: (error: GatehouseError) => void;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #begin;
  readonly #commit;
  readonly #asked = new Rounds();
  readonly #backlog = new Backlog();
  /** Of the round that is not durable yet. */
  #underWay: readonly Task[] = [];
  /** Resolves when the last one to begin is over. */
  #round = Promise.resolve();
  #isScheduled = false;
  #isCommitting = false;
  #failure: GatehouseError | null = null;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#begin = options.database.prepare('BEGIN IMMEDIATE');
    this.#commit = options.database.prepare('COMMIT');
  }

  get failure(): GatehouseError | null {
    return this.#failure;
  }

  /**
   * Resolves with what `change` returns, once that is durable.
   * @param share where it is a publisher's @throws GatehouseError `session_store_failed`
   */
  run<Result>(change: () => Result, share?: Share): Promise<Result> {
    return this.#run(change, true, this.#partOf(share));
  }

  /** The same, where it is enough that it survives a crash of the process. */
  runUnsynced<Result>(change: () => Result): Promise<Result> {
    return this.#run(change, false, this.#partOf());
  }

  #run<Result>(change: () => Result, isSynced: boolean, part: Part): Promise<Result> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const settle = (result: unknown, error: GatehouseError | null) => {
        if (error === null) resolve(result as Result);
        else reject(error);
      };
      this.#ask({ part, change, settle, isSynced, result: undefined });
    });
  }

  /**
   * The same, where nobody waits for it: it may be lost with the process, and nothing that comes after it then stays.
   * @param onCommitted called with what `change` returned, once that survives a crash of the process; must not throw
   */
  post<Result>(change: () => Result, onCommitted?: (result: Result) => void, share?: Share): void {
    if (this.#failure !== null) return;
    const settle =
      onCommitted === undefined
        ? null
        : (result: unknown, error: GatehouseError | null) => {
            if (error === null) onCommitted(result as Result);
          };
    this.#ask({ part: this.#partOf(share), change, settle, isSynced: false, result: undefined });
  }

  /** Commits what was asked for by now, and resolves when it is durable. */
  async flush(): Promise<void> {
    await Promise.all([...new Set([...this.#asked.parts, this.#partOf()])].map((part) => this.#flush(part)));
  }

  /**
   * The same for what this publisher has asked for, and what is no publisher's; only that where none is given. One promise for
   * all who ask before the transaction begins: with a thousand messages in it, a promise each would cost more than their rows.
   */
  flushOf(publisher?: string): Promise<void> {
    return this.#flush(this.#partOf(publisher === undefined ? undefined : { publisher, rows: 0 }));
  }

  #flush(part: Part): Promise<void> {
    part.flush ??= this.#run(() => {}, true, part);
    return part.flush;
  }

  /** Resolves when the publisher may ask for more; null where it may now. Nobody is kept from it. */
  roomOf(publisher: string): Promise<void> | null {
    return this.#backlog.roomOf(publisher);
  }

  /** What publishers have asked for is not done any more, unless it has begun. Nobody ever hears of it. */
  abandon(): void {
    this.#strike(this.#asked.abandon());
  }

  /** Nothing is changed from here on. Resolves when nothing is under way. */
  async end(): Promise<void> {
    this.#failure ??= new GatehouseError('session_store_failed', 'the store is closed');
    await this.#round;
  }

  /** What a publisher asks for from here on need not last together with what it asked for before. */
  separate(): void {
    this.#asked.separate();
  }

  #partOf(share?: Share): Part {
    if (share !== undefined) this.#backlog.add(share.publisher, share.rows);
    return this.#asked.partOf(share);
  }

  /** These wait no longer. */
  #strike(parts: readonly Part[]): void {
    for (const { publisher, rows } of parts)
      if (publisher !== undefined) this.#backlog.remove(publisher, rows);
    this.#backlog.relieve();
  }

  #ask(task: Task): void {
    this.#asked.add(task);
    this.#schedule();
  }

  /** While the last transaction is on its way to the disk, the next one gathers: a slow disk makes them larger. */
  #schedule(): void {
    if (this.#isScheduled || this.#isCommitting) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#round = this.#commitRound(this.#asked.next()).catch((error: unknown) => this.#fail(error));
    });
  }

  async #commitRound({ parts, tasks }: Round): Promise<void> {
    this.#underWay = tasks;
    this.#isCommitting = true; // before anybody is told: what they ask for then gathers
    if (this.#failure !== null) throw this.#failure;
    this.#begin.run();
    await inTurns(tasks, (task) => {
      if (this.#failure !== null) throw this.#failure;
      task.result = task.change();
    });
    this.#commit.run();
    const synced = this.#sync(tasks);
    synced?.catch(() => {}); // thrown below
    await inTurns(tasks, ({ isSynced, settle, result }) => {
      if (!isSynced) settle?.(result, null);
    });
    await synced;
    if (tasks.some(({ isSynced }) => isSynced)) this.#options.onDurable?.();
    this.#underWay = [];
    for (const { isSynced, settle, result } of tasks) if (isSynced) settle?.(result, null);
    this.#strike(parts);
    const between = this.#options.betweenRounds?.() ?? null;
    if (between !== null) await between;
    this.#isCommitting = false;
    if (!this.#asked.isEmpty) this.#schedule();
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
    for (const { settle } of [...this.#underWay, ...this.#asked.clear()]) settle?.(undefined, failure);
    this.#underWay = [];
  }
}

/** Does it for one task after another, and lets others have their turn now and then. */
async function inTurns(tasks: readonly Task[], step: (task: Task) => void): Promise<void> {
  let end = performance.now() + TURN_MS;
  for (const task of tasks) {
    if (performance.now() > end) {
      await nextTurn();
      end = performance.now() + TURN_MS;
    }
    step(task);
  }
}

function asFailure(cause: unknown, file: string): GatehouseError {
  const error = asOwnError(cause, file);
  return error.code === 'session_store_failed' || error.code === 'session_store_damaged'
    ? error
    : new GatehouseError('session_store_failed', error.message, { cause });
}
