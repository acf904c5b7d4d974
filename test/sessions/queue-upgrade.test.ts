/** Queues that an earlier version left, and what is known of them over starts: nothing is lost, sent twice as new or called sent. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { defaultLimits } from '../../broker/limits.ts';
import type { QueueEntry } from '../../broker/persistence/queue-entry.ts';
import type { SessionDatabase } from '../../broker/persistence/session-database.ts';
import { initial } from '../../broker/persistence/sqlite/migrations/0001-initial.ts';
import { revocations } from '../../broker/persistence/sqlite/migrations/0002-revocations.ts';
import { openSessions, takePage } from '../broker/samples.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ALL = { messages: 1_000, bytes: 1e9 };
const folder = temporaryFolder();
let file: string;
let number = 0;
beforeEach(() => {
  file = join(folder, String(++number), 'sessions.db');
});

async function queue(database: SessionDatabase, payload: string): Promise<void> {
  const message = { topic: 't', payload: Buffer.from(payload), retain: false };
  const receivers = [{ session: database.sessions.open('dev1'), qos: 1 }];
  await database.append({ ...message, brokerId: null, brokerCounter: null }, receivers);
}

function entriesOf(database: SessionDatabase): Promise<readonly QueueEntry[]> {
  const session = database.sessions.open('dev1');
  return database.change((table) => table.page(session, 0, ALL).entries);
}

describe('the file of an earlier version', () => {
  beforeEach(() => {
    mkdirSync(dirname(file));
    const earlier = new Sqlite(file);
    earlier.exec(`${initial}${revocations}`);
    earlier.pragma('user_version = 2');
    earlier.pragma(`application_id = ${0x47_48_53_53}`);
    earlier.exec(`
      INSERT INTO sessions VALUES (1, 'dev1'), (2, 'dev2');
      INSERT INTO messages VALUES (1, 1, 't', x'31', 0, NULL, NULL), (2, 2, 't', x'32', 1, NULL, NULL);
      INSERT INTO queue VALUES (1, 7, 9, 1, 2, 130, NULL), (1, 8, 10, 0, 1, 130, 1), (1, 9, NULL, 0, 1, 130, 2),
        (2, 1, NULL, 0, 1, 130, 2);`);
    earlier.close();
  });

  it('comes up with its queues, with what may have been sent, and goes on behind them', async () => {
    const database = openSessions({ file });
    await queue(database, '3');
    expect(await entriesOf(database)).toMatchObject([
      { seq: 7, messageId: 9, released: 1, topic: null, payload: null },
      { seq: 8, messageId: 10, released: 0, topic: 't', payload: Buffer.from('1'), retain: 0 },
      { seq: 9, messageId: null, released: 0, payload: Buffer.from('2'), retain: 1 },
      { seq: 10, messageId: null, released: 0, topic: 't', payload: Buffer.from('3'), retain: 0 },
    ]);
  });

  it('gives its bodies up with the last who waits for them', async () => {
    const database = openSessions({ file });
    const [one, other] = [database.sessions.open('dev1'), database.sessions.open('dev2')];
    await database.change((table) => table.remove(one, [7, 8, 9]));
    expect(one).toMatchObject({ messages: 0, bytes: 0 });
    const { entries } = await database.change((table) => table.page(other, 0, ALL));
    expect(entries.map(({ payload }) => String(payload))).toEqual(['2']);
    await database.change((table) => table.remove(other, [1]));
    await database.close();
    const reader = new Sqlite(file, { readonly: true });
    const left = reader
      .prepare('SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM queue)')
      .pluck();
    expect(left.get()).toBe(0);
    reader.close();
  });
});

describe('what may have been sent', () => {
  it('is known after a start, and so is what was not', async () => {
    const before = openSessions({ file });
    for (const payload of ['1', '2', '3']) await queue(before, payload);
    await takePage(before, before.sessions.open('dev1'), 0, { messages: 2, bytes: 1e6 });
    await before.close();
    const entries = await entriesOf(openSessions({ file }));
    expect(entries.map(({ messageId }) => messageId)).toEqual([2, 3, null]);
  });

  it('is not what takes its place in the queue after a start', async () => {
    let database = openSessions({ file });
    for (const payload of ['1', '2', '3']) await queue(database, payload);
    const session = database.sessions.open('dev1');
    await takePage(database, session, 0, ALL);
    await database.change((table) => table.remove(session, [2, 3]));
    for (let start = 0; start < 2; start++) {
      await database.close();
      database = openSessions({ file });
      await queue(database, 'new');
    }
    const entries = await entriesOf(database);
    expect(entries.map(({ messageId }) => messageId)).toEqual([2, null, null]);
  });

  it('makes no room for what is new: that is up to what was not', async () => {
    const database = openSessions({ file, limits: { ...defaultLimits, queueMessages: 3 } });
    for (const payload of ['1', '2', '3']) await queue(database, payload);
    await takePage(database, database.sessions.open('dev1'), 0, { messages: 2, bytes: 1e6 });
    for (const payload of ['4', '5']) await queue(database, payload);
    const entries = await entriesOf(database);
    expect(entries.map(({ payload }) => String(payload))).toEqual(['1', '2', '5']);
  });
});
