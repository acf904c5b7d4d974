/** The registry of the one process that writes: a view, and beside it a connection of its own for writing. */
import type { Database } from 'better-sqlite3';
import type { Clock } from '../../core/clock.ts';
import type { Actor } from '../../core/journal/events.ts';
import type { Observations } from '../observations.ts';
import type { Due, Horizon } from '../port/housekeeping.ts';
import type { Registry } from '../port/registry.ts';
import type { RegistryTransaction } from '../port/transaction.ts';
import type { RegistrySpace } from '../records.ts';
import { type HousekeepingReads, prepareHousekeepingReads } from './housekeeping-reads.ts';
import { ObservationWriter } from './observations/writer.ts';
import { prepareReads, type ReadStatements } from './read-statements.ts';
import { SqliteTransaction } from './transaction.ts';
import { SqliteView } from './view.ts';
import { WriteQueue } from './write-queue.ts';
import { prepareWrites, type WriteStatements } from './write-statements.ts';

interface RegistryOptions {
  /** For writing. */
  readonly database: Database;
  /** For everything else: on the writing connection a look-up would see what is not committed yet. */
  readonly readonlyDatabase: Database;
  readonly clock: Clock;
}

export class SqliteRegistry extends SqliteView implements Registry {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #reads: ReadStatements;
  readonly #writes: WriteStatements;
  readonly #housekeeping: HousekeepingReads;
  readonly #observations: ObservationWriter;
  readonly #queue: WriteQueue;

  constructor({ database, readonlyDatabase, clock }: RegistryOptions) {
    super(readonlyDatabase);
    this.#database = database;
    this.#clock = clock;
    this.#reads = prepareReads(database);
    this.#writes = prepareWrites(database);
    this.#housekeeping = prepareHousekeepingReads(readonlyDatabase);
    this.#observations = new ObservationWriter(database);
    this.#queue = new WriteQueue({ database, onCommit: () => this.noticeCommit() });
  }

  write<T>(actor: Actor, work: (transaction: RegistryTransaction) => Promise<T>): Promise<T> {
    return this.#queue.submit(() => {
      const now = this.#clock.now();
      return new SqliteTransaction({ reads: this.#reads, writes: this.#writes, actor, now }).run(work);
    });
  }

  async space(): Promise<RegistrySpace> {
    return this.#housekeeping.space();
  }

  async due(horizon: Horizon & { readonly now: number }, limit: number): Promise<Due> {
    return this.#housekeeping.due(horizon, limit);
  }

  observe(observations: Observations): Promise<void> {
    return this.#queue.submit(async () => this.#observations.write(observations, this.#clock.now()));
  }

  /** Waits for the writes that were asked for. The writing connection goes last: it folds the WAL into the file. */
  override async close(): Promise<void> {
    await this.#queue.close();
    await super.close();
    this.#database.close();
  }
}
