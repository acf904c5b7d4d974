/** Writing the feed of first uses: the broker's side. */
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import type { Fingerprint } from '../../core/ids.ts';
import { closeOnFailure } from '../sqlite/connection.ts';
import { fileModeIn } from '../sqlite/file-mode.ts';
import { type FirstUse, ForeignFile, hasTable, TABLE } from './feed.ts';

/** A reader holds the file for a moment only; the broker has others to serve. */
const BUSY_TIMEOUT_MS = 100;

export interface FirstUseWriter {
  all(): readonly FirstUse[];
  /** A certificate that is there already stays as it is. */
  add(uses: readonly FirstUse[]): void;
  remove(fingerprints: readonly Fingerprint[]): void;
  close(): void;
}

/** Creates the file, in a folder of the owner's alone unless there is one, where there is none that can be read. */
export function openFirstUses(file: string): FirstUseWriter {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    return new SqliteFirstUses(open(file));
  } catch (error) {
    if (!isBroken(error)) throw error;
    for (const path of [file, `${file}-journal`]) rmSync(path, { force: true });
    return new SqliteFirstUses(open(file));
  }
}

function open(file: string): Database {
  closeSync(openSync(file, 'a', fileModeIn(dirname(file))));
  return closeOnFailure(new Sqlite(file, { timeout: BUSY_TIMEOUT_MS }), (database) => {
    for (const pragma of ['journal_mode = DELETE', 'synchronous = NORMAL', 'trusted_schema = OFF']) {
      database.pragma(pragma);
    }
    if (!hasTable(database)) database.exec(TABLE);
    return database;
  });
}

function isBroken(error: unknown): boolean {
  if (error instanceof ForeignFile) return true;
  return /^SQLITE_(NOTADB|CORRUPT)/.test(String((error as NodeJS.ErrnoException).code));
}

class SqliteFirstUses implements FirstUseWriter {
  readonly #database: Database;
  readonly #all;
  readonly #add;
  readonly #remove;

  constructor(database: Database) {
    this.#database = database;
    this.#all = database.prepare<[], FirstUse>('SELECT fingerprint, time FROM firstUses ORDER BY seq');
    this.#add = database.prepare<FirstUse>(
      'INSERT INTO firstUses (fingerprint, time) VALUES (@fingerprint, @time) ON CONFLICT DO NOTHING',
    );
    this.#remove = database.prepare<[Fingerprint]>('DELETE FROM firstUses WHERE fingerprint = ?');
  }

  all(): readonly FirstUse[] {
    return this.#all.all();
  }

  add(uses: readonly FirstUse[]): void {
    this.#database.transaction(() => {
      for (const use of uses) this.#add.run(use);
    })();
  }

  remove(fingerprints: readonly Fingerprint[]): void {
    this.#database.transaction(() => {
      for (const fingerprint of fingerprints) this.#remove.run(fingerprint);
    })();
  }

  close(): void {
    this.#database.close();
  }
}
