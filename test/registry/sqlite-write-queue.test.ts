/** The write queue when SQLite fails under it, in the two ways that no single write is to blame for. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import Sqlite, { type Database } from 'better-sqlite3';
import { WriteQueue } from '../../registry/sqlite/write-queue.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let count = 0;

describe('the write queue', () => {
  const onCommit = jest.fn();
  let database: Database;
  let queue: WriteQueue;

  beforeEach(() => {
    count += 1;
    onCommit.mockClear();
    database = new Sqlite(join(folder, `${count}.db`));
    // A deferred key is checked by COMMIT alone, which then fails and leaves the transaction open.
    database.exec(`CREATE TABLE t (a INTEGER PRIMARY KEY,
      parent INTEGER REFERENCES t DEFERRABLE INITIALLY DEFERRED) STRICT`);
    queue = new WriteQueue({ database, onCommit });
  });

  afterEach(() => {
    database.close();
  });

  const run = (sql: string) => queue.submit(async () => database.exec(sql).name);
  const rows = () => database.prepare('SELECT a FROM t ORDER BY a').pluck().all();

  it('rejects the whole group when its commit fails, refusals too, and goes on with the next', async () => {
    const outcomes = await Promise.allSettled([
      run('INSERT INTO t VALUES (1, NULL)'),
      run('INSERT INTO t VALUES (2, 99)'),
      queue.submit(() => Promise.reject(new Error('refused because of what was undone'))),
    ]);
    const foreignKey = { status: 'rejected', reason: { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' } };
    expect(outcomes).toMatchObject([foreignKey, foreignKey, foreignKey]);
    expect(onCommit).not.toHaveBeenCalled();
    expect(database.inTransaction).toBe(false);

    await run('INSERT INTO t VALUES (3, NULL)');
    expect(rows()).toEqual([3]);
    expect(onCommit).toHaveBeenCalledTimes(1);
  });

  it('rejects the whole group with the cause when SQLite has rolled it back by itself', async () => {
    const outcomes = await Promise.allSettled([
      run('INSERT INTO t VALUES (1, NULL)'),
      run('INSERT OR ROLLBACK INTO t VALUES (1, NULL)'),
      run('INSERT INTO t VALUES (2, NULL)'),
    ]);
    const primaryKey = { status: 'rejected', reason: { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' } };
    expect(outcomes).toMatchObject([primaryKey, primaryKey, primaryKey]);
    expect(rows()).toEqual([]);

    await run('INSERT INTO t VALUES (3, NULL)');
    expect(rows()).toEqual([3]);
  });

  it('rejects what it cannot begin, and goes on when it can', async () => {
    const other = new Sqlite(database.name);
    database.pragma('busy_timeout = 0');
    other.exec('BEGIN IMMEDIATE');
    await expect(run('INSERT INTO t VALUES (1, NULL)')).rejects.toMatchObject({ code: 'SQLITE_BUSY' });
    other.exec('COMMIT');
    other.close();
    await run('INSERT INTO t VALUES (2, NULL)');
    expect(rows()).toEqual([2]);
  });
});
