/** Opens the file of the session store, or says why it must not be used. It is the broker's alone. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { GatehouseError } from '../../../core/errors.ts';
import { migrate } from './migrations.ts';

/**
 * EXCLUSIVE keeps a second broker out, and the index of the WAL in memory. A commit writes the WAL and does not wait
 * for the disk: that is FileSync's to do, beside the event loop. Nor does it take pages over: that is for Checkpoints.
 */
const PRAGMAS = [
  'locking_mode = EXCLUSIVE',
  'journal_mode = WAL',
  'synchronous = NORMAL',
  'wal_autocheckpoint = 0',
  'trusted_schema = OFF',
];

/**
 * Creates the file (0600, its folder 0700) where there is none. Each start has a number, which grows.
 * @throws GatehouseError `session_store_damaged`, `session_store_schema`, `session_store_failed`, `data_in_use`
 */
export function openDatabase(file: string): { readonly database: Database; readonly boot: number } {
  let database: Database | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600));
    database = new Sqlite(file, { timeout: 0 });
    for (const pragma of PRAGMAS) database.pragma(pragma);
    checkSoundness(database);
    migrate(database);
    const boot = database.prepare<[], number>('UPDATE boots SET count = count + 1 RETURNING count').pluck();
    return { database, boot: Number(boot.get()) };
  } catch (error) {
    database?.close();
    throw asOwnError(error, file);
  }
}

/** What SQLite, or the disk under it, says, in our words. */
export function asOwnError(cause: unknown, file: string): GatehouseError {
  if (cause instanceof GatehouseError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(String(code))) return damaged(`${file}: ${message}`, cause);
  if (/^SQLITE_(BUSY|LOCKED)/.test(String(code))) {
    return new GatehouseError('data_in_use', `another broker has ${file} open`, { cause });
  }
  return new GatehouseError('session_store_failed', `${file}: ${message} (${code})`, { cause });
}

/** Looks at every page once: what is found broken at the start is not found broken under a message. */
function checkSoundness(database: Database): void {
  const [first] = database.pragma('quick_check(1)') as { readonly quick_check: string }[];
  if (first?.quick_check !== 'ok') throw damaged(`${database.name}: ${first?.quick_check}`);
}

function damaged(detail: string, cause?: unknown): GatehouseError {
  return new GatehouseError('session_store_damaged', detail, { cause });
}
