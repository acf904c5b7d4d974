/** The WAL is taken over between transactions, and a power cut at any moment of that finds all that was committed. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from 'better-sqlite3';
import { Checkpoints } from '../../broker/persistence/sqlite/checkpoints.ts';
import { openDatabase } from '../../broker/persistence/sqlite/open-database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PAGES = 8;
/** SQLite would take the WAL over by itself from 1,000 pages on. */
const MANY_PAGES = 1_500;

const folder = temporaryFolder();
let number = 0;
let file: string;
let database: Database;
let syncs: string[];
let checkpoints: Checkpoints;
beforeEach(() => {
  file = join(folder, `${++number}.db`);
  ({ database } = openDatabase(file));
  database.exec('CREATE TABLE t (n INTEGER PRIMARY KEY, bytes BLOB)');
  database.pragma('wal_checkpoint(TRUNCATE)');
  syncs = [];
  checkpoints = new Checkpoints({
    database,
    wal: { sync: async () => note('wal') },
    file: { sync: async () => note('database') },
    pages: PAGES,
  });
});
afterEach(() => {
  database.close();
});

/** With what is in the database itself at that moment. */
function note(name: string): void {
  syncs.push(`${name} ${rowsIn(keep({ withWal: false }))}`);
}

function insert(count: number): void {
  database.transaction(() => {
    for (let row = 0; row < count; row++)
      database.prepare('INSERT INTO t (bytes) VALUES (zeroblob(4000))').run();
  })();
}

/** A copy of what the files hold now. */
function keep({ withWal }: { readonly withWal: boolean }): string {
  const kept = join(folder, `${++number}`);
  mkdirSync(kept);
  for (const name of withWal ? ['', '-wal'] : ['']) copyFileSync(file + name, join(kept, `kept.db${name}`));
  return join(kept, 'kept.db');
}

function rowsIn(kept: string): number {
  const { database: found } = openDatabase(kept);
  const rows = Number(found.prepare('SELECT count(*) FROM t').pluck().get());
  found.close();
  return rows;
}

describe('a checkpoint', () => {
  it('is not due before there is enough', async () => {
    insert(1);
    expect(checkpoints.takeIfDue()).toBeNull();
    insert(PAGES);
    expect(checkpoints.takeIfDue()).not.toBeNull();
  });

  it('has the WAL on the disk before it writes the database, and that before anything else may be written', async () => {
    insert(PAGES);
    const taken = checkpoints.takeIfDue();
    expect(checkpoints.isUnderWay).toBe(false);
    await taken;
    expect(syncs).toEqual(['wal 0', `database ${PAGES}`]);
    expect(checkpoints.isUnderWay).toBe(false);
    expect(checkpoints.takeIfDue()).toBeNull();
  });

  it('leaves in the WAL what the database may lose until it is on the disk', async () => {
    insert(PAGES);
    const before = keep({ withWal: true });
    await checkpoints.takeIfDue();
    const after = keep({ withWal: true });
    copyFileSync(before, after); // pages that a power cut has taken away
    expect(rowsIn(after)).toBe(PAGES);
  });

  it('that fails is not over, and what it was about is in the WAL', async () => {
    insert(PAGES);
    const broken = async () => {
      throw new Error('i/o error');
    };
    const failing = new Checkpoints({
      database,
      wal: { sync: broken },
      file: { sync: broken },
      pages: PAGES,
    });
    await expect(failing.takeIfDue()).rejects.toThrow('i/o error');
    expect([failing.isUnderWay, rowsIn(keep({ withWal: false }))]).toEqual([false, 0]);
    const later = new Checkpoints({
      database,
      wal: { sync: async () => {} },
      file: { sync: broken },
      pages: PAGES,
    });
    await expect(later.takeIfDue()).rejects.toThrow('i/o error');
    expect(later.isUnderWay).toBe(true);
  });
});

it('no commit takes anything over by itself, and keeps nobody waiting for the disk', () => {
  insert(MANY_PAGES);
  expect(rowsIn(keep({ withWal: false }))).toBe(0);
  expect(database.pragma('synchronous', { simple: true })).toBe(1);
});
