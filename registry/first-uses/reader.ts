/** Reading the feed of first uses: enroll's side. */
import { existsSync } from 'node:fs';
import { connectReader } from '../sqlite/connection.ts';
import { type FirstUse, hasTable } from './feed.ts';

/** More than a fleet leaves unread; what is beyond it is read once the rows before it are pruned. */
const MAX_ROWS = 100_000;

export interface FirstUseRow extends FirstUse {
  /** Grows with every row of a file. */
  readonly seq: number;
}

/**
 * The rows there are, in their order; none where there is no file yet. A fingerprint in them is whatever text the broker
 * wrote: it is good for looking up, and nothing else. Opened anew each time, for the broker may
 * have replaced a broken file by another.
 */
export function readFirstUses(file: string): readonly FirstUseRow[] {
  if (!existsSync(file)) return [];
  const database = connectReader(file);
  try {
    if (!hasTable(database)) return [];
    const rows = database.prepare<[number], FirstUseRow>('SELECT * FROM firstUses ORDER BY seq LIMIT ?');
    return rows.all(MAX_ROWS);
  } finally {
    database.close();
  }
}
