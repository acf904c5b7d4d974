/** One transaction a turn: together, in order, durable before anybody hears of it, and nothing after a failure. */
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite, { type Database } from 'better-sqlite3';
import { GroupCommit } from '../../broker/persistence/sqlite/group-commit.ts';
import type { GatehouseError } from '../../core/errors.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let number = 0;
let database: Database;
let failures: GatehouseError[];
/** Ends the sync that is under way, which fails where it is given an error. */
let endSync: (error?: Error) => void;
let syncs: number;
let commit: GroupCommit;
beforeEach(() => {
  database = new Sqlite(join(folder, `${++number}.db`));
  database.exec('CREATE TABLE t (n INTEGER UNIQUE)');
  failures = [];
  syncs = 0;
  const sync = () =>
    new Promise<void>((resolve, reject) => {
      syncs++;
      endSync = (error) => (error === undefined ? resolve() : reject(error));
    });
  commit = new GroupCommit({ database, sync, onFailure: (error) => failures.push(error) });
});

function insert(n: number): number {
  database.prepare('INSERT INTO t VALUES (?)').run(n);
  return n;
}

/** For longer than others are kept waiting. */
function insertSlowly(n: number): number {
  const end = performance.now() + 25;
  while (performance.now() < end);
  return insert(n);
}

function fail(error: unknown): never {
  throw error;
}

function rows(): unknown[] {
  return database.prepare('SELECT n FROM t ORDER BY rowid').pluck().all();
}

describe('what is asked for in one turn', () => {
  it('is one transaction, in order, and nobody hears of it before the disk has it', async () => {
    const heard: number[] = [];
    const asked = [1, 2, 3].map((n) => commit.run(() => insert(n)).then((result) => heard.push(result)));
    expect(rows()).toEqual([]);
    await nextTurn();
    expect(rows()).toEqual([1, 2, 3]);
    expect([syncs, heard]).toEqual([1, []]);
    endSync();
    await Promise.all(asked);
    expect(heard).toEqual([1, 2, 3]);
  });

  it('waits while the disk is busy, and is one transaction again', async () => {
    const first = commit.run(() => insert(1));
    await nextTurn();
    const others = [2, 3].map((n) => commit.run(() => insert(n)));
    await nextTurn();
    expect(rows()).toEqual([1]);
    endSync();
    await first;
    await nextTurn();
    expect(rows()).toEqual([1, 2, 3]);
    expect(syncs).toBe(2);
    endSync();
    await Promise.all(others);
  });

  it('leaves others their turn where it takes long, and is one transaction all the same', async () => {
    const heard: number[] = [];
    const reader = new Sqlite(database.name, { readonly: true });
    const committed = () => reader.prepare('SELECT count(*) FROM t').pluck().get();
    for (const n of [1, 2, 3]) {
      commit.separate();
      commit.post(() => insert(n * 10));
      commit.run(() => insertSlowly(n)).then(() => heard.push(n), fail);
    }
    const flushed = commit.flush();
    for (const inserted of [2, 4, 6]) {
      await nextTurn();
      expect([rows().length, committed(), syncs]).toEqual([inserted, 0, 0]);
    }
    await eventually(() => syncs === 1);
    expect([committed(), heard]).toEqual([6, []]);
    endSync();
    await flushed;
    expect(heard).toEqual([1, 2, 3]);
    reader.close();
  });

  it('keeps nobody waiting for the disk who did not ask for it', async () => {
    commit.post(() => insert(1));
    await expect(commit.runUnsynced(() => insert(2))).resolves.toBe(2);
    expect([rows(), syncs]).toEqual([[1, 2], 0]);
  });
});

describe('a publisher who asks for much', () => {
  const much = { publisher: 'big', rows: 1_000_000 };
  /** Everything that one sync after another makes durable. */
  async function inRounds(asked: readonly Promise<number>[]): Promise<number[][]> {
    const rounds: number[][] = [];
    let heard: number[] = [];
    for (const one of asked) one.then((n) => heard.push(n), fail);
    for (let round = 1; rounds.flat().length < asked.length; round++) {
      await eventually(() => syncs === round);
      heard = [];
      endSync();
      await eventually(() => heard.length > 0);
      rounds.push(heard);
    }
    return rounds;
  }

  it('is put off beyond its share, and nobody else is, nor what is no publisher’s', async () => {
    const asked = [1, 2, 3].map((n) => {
      commit.separate();
      return commit.run(() => insert(n), much);
    });
    const small = commit.run(() => insert(4), { publisher: 'small', rows: 1 });
    const nobodys = commit.run(() => insert(5));
    expect(await inRounds([...asked, small, nobodys])).toEqual([[1, 4, 5], [2], [3]]);
  });

  it('keeps the order of what it asks for, and together what is not separate', async () => {
    const asked = [commit.run(() => insert(1), much)];
    commit.separate();
    asked.push(commit.run(() => insert(2), much));
    asked.push(commit.run(() => insert(3), much));
    commit.separate();
    asked.push(commit.run(() => insert(4), { ...much, rows: 1 }));
    expect(await inRounds(asked)).toEqual([[1], [2, 3], [4]]);
  });

  it('waits for its own with a flush, and for everybody with another', async () => {
    const asked = [1, 2].map((n) => {
      commit.separate();
      return commit.run(() => insert(n), much);
    });
    const waits = [
      commit.flushOf('small').then(() => 10),
      commit.flushOf('big').then(() => 20),
      commit.flush().then(() => 30),
    ];
    const rounds = await inRounds([...asked, ...waits]);
    expect(rounds.map((heard) => [...heard].sort((one, other) => one - other))).toEqual([
      [1, 10],
      [2, 20, 30],
    ]);
  });
});

describe('what publishers were put off with, where it is abandoned', () => {
  const much = { publisher: 'big', rows: 1_000_000 };

  it('is not done, and nobody hears of it; what has begun is, and what is no publisher’s', async () => {
    const heard: string[] = [];
    const ask = (n: number, share?: typeof much) => {
      commit.separate();
      commit.post(() => insert(n), undefined, share);
      commit.flushOf(share?.publisher).then(
        () => heard.push(`${n}`),
        () => heard.push(`${n} failed`),
      );
    };
    ask(1, much);
    await nextTurn();
    ask(2, much);
    ask(3);
    const room = commit.roomOf('big');
    commit.abandon();
    const flushed = commit.flush();
    endSync();
    await eventually(() => syncs === 2);
    endSync();
    await flushed;
    await room;
    await nextTurn();
    expect([rows(), heard, failures]).toEqual([[1, 3], ['1', '3'], []]);
  });
});

describe('what is done between two rounds', () => {
  it('is over before the next one begins, and keeps nobody waiting who is in the last one', async () => {
    let isOver = () => {};
    const betweenRounds = () =>
      new Promise<void>((resolve) => {
        isOver = resolve;
      });
    const onFailure = (error: GatehouseError) => failures.push(error);
    const other = new GroupCommit({ database, sync: null, betweenRounds, onFailure });
    await other.run(() => insert(1));
    const next = other.run(() => insert(2));
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(rows()).toEqual([1]);
    const ended = other.end(); // waits for it, too
    let hasEnded = false;
    void ended.then(() => {
      hasEnded = true;
    });
    await nextTurn();
    expect(hasEnded).toBe(false);
    isOver();
    await ended;
    await expect(next).rejects.toMatchObject({ code: 'session_store_failed' });
  });
});

describe('a failure', () => {
  it('undoes the whole turn, rejects all of it and all that follows, and is told once', async () => {
    const asked = [1, 2, 2].map((n) => commit.run(() => insert(n)));
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(rows()).toEqual([]);
    await expect(commit.run(() => insert(4))).rejects.toMatchObject({ code: 'session_store_failed' });
    commit.post(() => insert(5));
    await nextTurn();
    expect(rows()).toEqual([]);
    expect(failures).toHaveLength(1);
    expect(commit.failure).toBe(failures[0]);
  });

  it('in a later part rejects all who wait for the disk', async () => {
    const asked = [1, 2, 2].map((n) => {
      commit.separate();
      return commit.run(() => insertSlowly(n));
    });
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(failures).toHaveLength(1);
  });

  it('of the disk rejects what it had, and what waits behind it', async () => {
    const first = commit.run(() => insert(1));
    await nextTurn();
    const second = commit.run(() => insert(2));
    endSync(Object.assign(new Error('i/o error'), { code: 'EIO' }));
    await expect(first).rejects.toMatchObject({ code: 'session_store_failed' });
    await expect(second).rejects.toMatchObject({ code: 'session_store_failed' });
    expect(failures[0]?.message).toContain('i/o error');
    expect(failures).toHaveLength(1);
  });
});
