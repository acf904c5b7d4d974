/** A registry to look at: one reading connection and the watch on it. */
import type { Database } from 'better-sqlite3';
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

  /** @param database a connection that never writes, so that it sees nothing uncommitted; closed with the view */
  constructor(database: Database) {
    super(prepareReads(database));
    this.observations = new SqliteObservations(database);
    this.#database = database;
    this.#commits = new CommitWatch(database);
  }

  watch(onChange: () => void, onError?: (error: unknown) => void): () => void {
    return this.#commits.add(onChange, onError);
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
