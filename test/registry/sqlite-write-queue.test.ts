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

  it('does so even where the write that was hit says nothing of it', async () => {
    const swallow = () => {
      try {
        database.exec('INSERT OR ROLLBACK INTO t VALUES (1, NULL)');
      } catch {
        // The queue has to see for itself that the transaction is gone.
      }
    };
    const outcomes = await Promise.allSettled([
      run('INSERT INTO t VALUES (1, NULL)'),
      queue.submit(async () => swallow()),
      run('INSERT INTO t VALUES (2, NULL)'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(rows()).toEqual([]);
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

  describe('where writes are rejected', () => {
    const attempts = jest.fn();
    const attempt = (id: number, reason?: Error) =>
      queue.submit(async () => {
        attempts(id);
        database.exec(`INSERT INTO t VALUES (${id}, NULL)`);
        if (reason !== undefined) throw reason;
        return id;
      });
    const refuse = (reason: Error) => queue.submit(() => Promise.reject(reason));

    beforeEach(() => {
      attempts.mockClear();
    });

    it('runs each once, if those left nothing to undo', async () => {
      const reason = new Error('refused');
      const outcomes = await Promise.allSettled([
        attempt(1),
        refuse(reason),
        run('INSERT INTO t VALUES (1, NULL)'),
        attempt(2),
      ]);
      expect(outcomes).toMatchObject([
        { value: 1 },
        { reason },
        { reason: { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' } },
        { value: 2 },
      ]);
      expect(attempts.mock.calls).toEqual([[1], [2]]);
      expect(rows()).toEqual([1, 2]);
    });

    it('runs the group again and keeps the others, if one failed halfway', async () => {
      const reason = new Error('halfway');
      const outcomes = await Promise.allSettled([attempt(1), attempt(2, reason), attempt(3)]);
      expect(outcomes).toMatchObject([{ value: 1 }, { reason }, { value: 3 }]);
      expect(attempts.mock.calls).toEqual([[1], [2], [1], [2], [3]]);
      expect(rows()).toEqual([1, 3]);
      expect(onCommit).toHaveBeenCalledTimes(1);
    });

    it('runs one that was alone no second time', async () => {
      const reason = new Error('halfway');
      await expect(attempt(1, reason)).rejects.toBe(reason);
      expect(attempts).toHaveBeenCalledTimes(1);
      expect(rows()).toEqual([]);
      expect(database.inTransaction).toBe(false);
    });
  });
});
