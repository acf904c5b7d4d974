/** A registry to look at: one reading connection and the watch on it. */
import type { Database, Statement } from 'better-sqlite3';
import type { ObservationReader } from '../observations.ts';
import type { RegistryView } from '../port/registry.ts';
import { SqliteObservations } from './observations/reader.ts';
import { prepareReads } from './read-statements.ts';
import { SqliteReader } from './reader.ts';
import { CommitWatch } from './watch.ts';

export class SqliteView extends SqliteReader implements RegistryView {
  readonly observations: ObservationReader;
  readonly #database: Database;
  readonly #commits: CommitWatch;
  readonly #version: Statement<[], number>;

  /** @param database a connection that never writes, so that it sees nothing uncommitted; closed with the view */
  constructor(database: Database) {
    super(prepareReads(database));
    this.observations = new SqliteObservations(database);
    this.#database = database;
    this.#commits = new CommitWatch(database);
    this.#version = database.prepare<[], number>('PRAGMA data_version').pluck();
  }

  watch(onChange: () => void, onError?: (error: unknown) => void): () => void {
    return this.#commits.add(onChange, onError);
  }

  /** It never writes, so all commits are those of other connections, and SQLite counts them. */
  async version(): Promise<number> {
    return this.#version.get() ?? Number.NaN;
  }

  /** Tells the watchers of a commit without waiting for the next poll. */
  noticeCommit(): void {
    this.#commits.check();
  }

  async close(): Promise<void> {
    this.#commits.close();
    this.#database.close();
  }
}
