/**
 * The small feed in the other direction: which renewed certificates were used for the first time. The broker cannot
 * write the registry; it writes these rows into a file of its own, which enroll reads and the broker prunes. What
 * is lost of it does no harm: the old certificate just stays valid until it expires or is revoked.
 *
 * The file keeps a rollback journal and no WAL, so that whoever reads it needs no right to write: enroll may have
 * the folder mounted read-only.
 */
import type { Database } from 'better-sqlite3';
import type { Fingerprint } from '../../core/ids.ts';

export interface FirstUse {
  /** Of the certificate. */
  readonly fingerprint: Fingerprint;
  /** ms since the epoch. */
  readonly time: number;
}

export const TABLE = `CREATE TABLE firstUses (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  fingerprint TEXT NOT NULL UNIQUE,
  time INTEGER NOT NULL
) STRICT`;

/**
 * Whether the table is there: false in a new file.
 * @throws Error where anything else bears its name. A view could keep whoever reads it busy for ever.
 */
export function hasTable(database: Database, file = database.name): boolean {
  const sql = database
    .prepare<[], string | null>(`SELECT sql FROM sqlite_schema WHERE name = 'firstUses'`)
    .pluck()
    .get();
  if (sql === undefined) return false;
  if (sql !== TABLE) throw new ForeignFile(`${file} is not a feed of first uses`);
  return true;
}

export class ForeignFile extends Error {}
