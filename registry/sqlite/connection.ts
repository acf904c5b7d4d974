/** Connections to the file, with the settings that the registry's promises rest on. */
import Sqlite, { type Database } from 'better-sqlite3';
import { GatehouseError } from '../../core/errors.ts';

/** How long a statement waits for another process's lock before it fails. */
const BUSY_TIMEOUT_MS = 5_000;
/**
 * Pages in the WAL (16 MB) at which a commit takes them over into the database, instead of SQLite's 1,000. That costs
 * two syncs and a write of each page, which more commits share then; and the WAL's index still has just one table of
 * 4,062 entries to look through (sqlite.org/walformat.html §2.2).
 */
const CHECKPOINT_PAGES = 4_000;

/** The connection that writes. WAL lets others read meanwhile; with FULL a commit is on disk when it returns. */
export function connectWriter(file: string): Database {
  return connect(file, { readonly: false }, [
    'journal_mode = WAL',
    'synchronous = FULL',
    `wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
    'foreign_keys = ON',
    'trusted_schema = OFF',
  ]);
}

/** A connection that cannot write. It works whether or not a writer runs, and after one was killed. */
export function connectReader(file: string): Database {
  return connect(file, { readonly: true }, ['query_only = ON', 'trusted_schema = OFF']);
}

/** Hands `database` to `use`, and closes it if nothing comes of it. */
export function closeOnFailure<T>(database: Database, use: (database: Database) => T): T {
  try {
    return use(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

/** @throws GatehouseError `data_damaged` where the file holds something else than a database */
function connect(
  file: string,
  { readonly }: { readonly readonly: boolean },
  pragmas: readonly string[],
): Database {
  try {
    const database = new Sqlite(file, { readonly, timeout: BUSY_TIMEOUT_MS });
    return closeOnFailure(database, () => {
      for (const pragma of pragmas) database.pragma(pragma);
      return database;
    });
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== 'SQLITE_NOTADB' && code !== 'SQLITE_CORRUPT') throw error;
    throw new GatehouseError('data_damaged', `${file} is not a sound database`, { cause: error });
  }
}
