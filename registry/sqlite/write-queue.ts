/**
 * Group commit. A durable commit costs one fsync, so all writes that wait at the same time share one SQLite
 * transaction; one that is rejected leaves nothing, and takes nobody with it. Nobody hears of success or refusal
 * before the commit that decides it is on disk.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';

/** Bounds how long one transaction occupies the event loop. */
const MAX_GROUP = 128;

/** Tells a caller how its work ended. */
type Settle = () => void;

interface Write {
  run(): Promise<Settle>;
  reject(error: unknown): void;
}

export class WriteQueue {
  readonly #database: Database;
  readonly #onCommit: () => void;
  readonly #sql: ReturnType<typeof prepareControl>;
  readonly #waiting: Write[] = [];
  #draining: Promise<void> | undefined;
  #closed = false;

  /** @param onCommit must not throw */
  constructor({ database, onCommit }: { readonly database: Database; readonly onCommit: () => void }) {
    this.#database = database;
    this.#onCommit = onCommit;
    this.#sql = prepareControl(database);
  }

  /** Runs `work` in its turn; resolves or rejects once the outcome is durable. */
  submit<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) throw new Error('The registry is closed');
      this.#waiting.push({
        run: async () => {
          const result = await work();
          return () => resolve(result);
        },
        reject,
      });
      this.#draining ??= this.#drain();
    });
  }

  /** Takes no more work and resolves once all that was taken is done. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Whatever else arrives in this turn of the event loop joins the group.
      await nextTurn();
      await this.#runGroup(this.#waiting.splice(0, MAX_GROUP));
    }
    this.#draining = undefined;
  }

  async #runGroup(group: readonly Write[]): Promise<void> {
    let outcomes: readonly Settle[];
    try {
      outcomes = (await this.#runTogether(group)) ?? (await this.#runApart(group));
    } catch (error) {
      // Refusals included: they may rest on changes of others in the group that are undone now.
      for (const write of group) write.reject(error);
      this.#rollback();
      return;
    }
    for (const settle of outcomes) settle();
    this.#onCommit();
  }

  /**
   * Without savepoints, which would have SQLite keep a copy of every page that each write touches. A write that is
   * refused before it has changed anything, as nearly all that are refused, leaves nothing to undo.
   *
   * @returns undefined where one was rejected halfway: all of the group is undone, and none has been told
   * @throws where SQLite has given up the whole transaction, or does not commit it
   */
  async #runTogether(group: readonly Write[]): Promise<Settle[] | undefined> {
    const outcomes: Settle[] = [];
    this.#sql.begin.run();
    for (const write of group) {
      const before = this.#sql.totalChanges.get();
      try {
        outcomes.push(await this.#run(write));
      } catch (error) {
        this.#refuseIfEnded(error);
        if (this.#sql.totalChanges.get() !== before) {
          this.#sql.rollback.run();
          return group.length === 1 ? [() => write.reject(error)] : undefined;
        }
        outcomes.push(() => write.reject(error));
      }
    }
    this.#sql.commit.run();
    return outcomes;
  }

  /** Each in a savepoint of its own: one that is rejected rolls back alone. @throws as `#runTogether` */
  async #runApart(group: readonly Write[]): Promise<Settle[]> {
    const outcomes: Settle[] = [];
    this.#sql.begin.run();
    for (const write of group) {
      this.#sql.savepoint.run();
      try {
        outcomes.push(await this.#run(write));
      } catch (error) {
        this.#refuseIfEnded(error);
        this.#sql.rollbackToSavepoint.run();
        outcomes.push(() => write.reject(error));
      }
      this.#sql.release.run();
    }
    this.#sql.commit.run();
    return outcomes;
  }

  /** Even where the write made nothing of it: what comes after must not run outside of a transaction. */
  async #run(write: Write): Promise<Settle> {
    const settle = await write.run();
    if (!this.#database.inTransaction) throw new Error('SQLite has rolled the transaction back');
    return settle;
  }

  /** On a full disk or an I/O error SQLite itself may roll everything back (sqlite.org/lang_transaction.html). */
  #refuseIfEnded(error: unknown): void {
    if (!this.#database.inTransaction) throw error;
  }

  #rollback(): void {
    try {
      if (this.#database.inTransaction) this.#sql.rollback.run();
    } catch {
      // The next group's BEGIN fails within this transaction, rejects that group, and comes back here.
    }
  }
}

function prepareControl(database: Database) {
  return {
    // Immediate: the lock is taken here, not at the first change, where waiting for it could fail halfway.
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    rollback: database.prepare('ROLLBACK'),
    savepoint: database.prepare('SAVEPOINT write'),
    release: database.prepare('RELEASE write'),
    rollbackToSavepoint: database.prepare('ROLLBACK TO write'),
    /** Rows that this connection has changed in all its life; a statement that fails counts for nothing. */
    totalChanges: database.prepare<[], number>('SELECT total_changes()').pluck(),
  };
}
