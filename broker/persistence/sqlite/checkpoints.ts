/**
 * Takes what the WAL holds over into the database, between two transactions. SQLite would do it within a commit, and keep the
 * event loop waiting for the disk, twice. Its order is kept (https://sqlite.org/wal.html#performance_considerations): first the
 * WAL is on the disk, then pages are written to the database, and only when these are on the disk is the WAL begun anew, which
 * the next transaction does.
 */
import type { Database } from 'better-sqlite3';
import type { FileSync } from './file-sync.ts';

/** Pages in the WAL (16 MB) from which on they are taken over. */
const CHECKPOINT_PAGES = 4_000;

export interface CheckpointsOptions {
  /** Which takes nothing over by itself while it is open. */
  readonly database: Database;
  readonly wal: Pick<FileSync, 'sync'>;
  /** Of the database. */
  readonly file: Pick<FileSync, 'sync'>;
  readonly pages?: number;
}

type State = [busy: number, inWal: number, takenOver: number];

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  readonly #look;
  #isUnderWay = false;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#look = options.database.prepare<[], State>('PRAGMA wal_checkpoint(NOOP)').raw();
  }

  /** Whether pages may be in the database that a power cut would take away: what is in the WAL is needed. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Resolves when it is done, and nothing may be written before; null where there is not enough to be worth it. */
  takeIfDue(): Promise<void> | null {
    const [, inWal, takenOver] = this.#look.get() ?? [0, 0, 0];
    return inWal - takenOver < (this.#options.pages ?? CHECKPOINT_PAGES) ? null : this.#take();
  }

  async #take(): Promise<void> {
    const { database, wal, file } = this.#options;
    await wal.sync();
    this.#isUnderWay = true;
    database.pragma('synchronous = OFF'); // SQLite waits for neither file
    database.pragma('wal_checkpoint(PASSIVE)');
    database.pragma('synchronous = NORMAL');
    await file.sync();
    this.#isUnderWay = false;
  }
}
