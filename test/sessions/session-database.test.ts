/** The file of the stored sessions: what it keeps over a restart, what it bounds, and when it must not be used. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { defaultLimits } from '../../broker/limits.ts';
import type { Message } from '../../broker/persistence/queue-entry.ts';
import type { SessionDatabase } from '../../broker/persistence/session-database.ts';
import { openSessions, takePage } from '../broker/samples.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const ALL = { messages: 1_000_000, bytes: 1e12 };
let file: string;
let number = 0;
let database: SessionDatabase;
beforeEach(() => {
  file = join(folder, String(++number), 'sessions.db');
  database = openSessions({ file });
});

function message(payload: string | Buffer, topic = 't'): Message {
  return { topic, payload: Buffer.from(payload), retain: false, brokerId: null, brokerCounter: null };
}

/** Into the queues of these. */
async function queue(payload: string | Buffer, ...clientIds: string[]): Promise<void> {
  const receivers = clientIds.map((id) => ({ session: database.sessions.open(id), qos: 1 }));
  await database.append(message(payload), receivers);
}

async function queueOf(clientId: string): Promise<string[]> {
  const session = database.sessions.get(clientId);
  if (session === undefined) return [];
  const { entries } = await database.change((table) => table.page(session, 0, ALL));
  return entries.map(({ payload }) => String(payload));
}

async function reopen(): Promise<void> {
  await database.close();
  database = openSessions({ file });
}

/** Counts rows with a connection of its own, once the store is closed. */
async function rowsIn(...tables: string[]): Promise<number[]> {
  await database.close();
  const reader = new Sqlite(file, { readonly: true });
  const counts = tables.map((table) => Number(reader.prepare(`SELECT count(*) FROM ${table}`).pluck().get()));
  reader.close();
  database = openSessions({ file });
  return counts;
}

describe('over a restart', () => {
  it('sessions keep their subscriptions, queues, message ids and half-received messages', async () => {
    const session = database.sessions.open('dev1');
    await database.sessions.subscribe(session, [
      { topic: 'a/+', qos: 2 },
      { topic: '__proto__', qos: 1 },
    ]);
    for (const payload of ['1', '2', '3']) await queue(payload, 'dev1');
    const first = { messages: 2, bytes: 1e6 };
    await takePage(database, session, 0, first);
    await database.release(session, 1);
    await database.receive(session, 'dev1', 7, { messageId: 7 });
    await reopen();

    const again = database.sessions.open('dev1');
    expect([...again.subscriptions.values()]).toEqual([
      { topic: '__proto__', qos: 1 },
      { topic: 'a/+', qos: 2 },
    ]);
    expect(database.sessions.index.routeOf('a/x').recipients).toMatchObject([{ subscriber: again, qos: 2 }]);
    expect(database.halfReceived('dev1', 7)).toEqual({ messageId: 7 });
    const { entries } = await database.change((table) => table.page(again, 0, ALL));
    expect(entries).toMatchObject([
      { seq: 1, messageId: 2, released: 1, topic: null },
      { seq: 2, messageId: 3, released: 0, topic: 't' },
      { seq: 3, messageId: null, released: 0, topic: 't' },
    ]);
    await queue('4', 'dev1');
    expect((await queueOf('dev1')).slice(1)).toEqual(['2', '3', '4']);
  });

  it('retained messages and wills are there, each with its owner', async () => {
    const packet = {
      cmd: 'publish',
      qos: 1,
      dup: false,
      retain: true,
      brokerId: '',
      brokerCounter: 0,
    } as const;
    database.retained.store('dev1', { ...packet, topic: 'r/1', payload: Buffer.from('kept') });
    database.retained.store('dev1', { ...packet, topic: 'r/2', payload: Buffer.from('cleared') });
    database.retained.store('dev2', { ...packet, topic: 'r/2', payload: Buffer.alloc(0) });
    const will = {
      ...packet,
      topic: 'w',
      payload: Buffer.from('gone'),
      clientId: 'dev1',
      brokerId: 'boot-1',
    };
    await database.wills.put(will, { isDurable: true });
    await database.wills.put({ ...will, clientId: 'clean' }, { isDurable: false });
    await database.flush();
    await reopen();

    const retained: unknown[] = [];
    for await (const found of database.retained.find('r/#')) retained.push(found);
    expect(retained).toMatchObject([{ topic: 'r/1', payload: Buffer.from('kept'), qos: 1, retain: true }]);
    expect(database.retained.owners()).toEqual(['dev1']);
    expect([...database.wills.all()]).toMatchObject([{ clientId: 'dev1', topic: 'w', brokerId: 'boot-1' }]);
  });

  it('no start has the name of another', async () => {
    const names = [database.brokerId];
    for (let start = 0; start < 2; start++) {
      await reopen();
      names.push(database.brokerId);
    }
    expect(new Set(names).size).toBe(3);
  });

  it('the topic, the payload and the rights of the file are what they were', async () => {
    const bytes = Buffer.from([0, 1, 0xff, 0xfe, 0]);
    await queue(bytes, 'dev1');
    await reopen();
    const session = database.sessions.open('dev1');
    const { entries } = await database.change((table) => table.page(session, 0, ALL));
    expect(entries[0]?.payload).toEqual(bytes);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
  });
});

describe('the queues', () => {
  it('give each of a page its own payload, whatever bytes they are', async () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const payloads = ['', every, Buffer.from([0]), 'ü', Buffer.from([0xc3]), Buffer.from([0xa9]), ''];
    for (const [index, payload] of payloads.entries()) {
      await queue(payload, 'dev1', ...(index % 2 === 0 ? [] : ['dev2']));
    }
    const session = database.sessions.open('dev1');
    const read = () => database.change((table) => table.page(session, 0, ALL));
    expect((await read()).entries.map(({ payload }) => payload)).toEqual(
      payloads.map((one) => Buffer.from(one)),
    );

    await database.release(session, 2); // PUBREL in its place: nothing of it is left
    const expected = payloads.map((one, index) => (index === 1 ? null : Buffer.from(one)));
    expect((await read()).entries.map(({ payload }) => payload)).toEqual(expected);
  });

  it('keep a message once, until the last who waits for it has it', async () => {
    await queue('shared', 'dev1', 'dev2');
    const [first, second] = [database.sessions.open('dev1'), database.sessions.open('dev2')];
    expect(await rowsIn('messages', 'queue')).toEqual([1, 2]);
    await database.change((table) => table.remove(database.sessions.open(first.clientId), [1]));
    expect(await queueOf('dev2')).toEqual(['shared']);
    await database.change((table) => table.remove(database.sessions.open(second.clientId), [1]));
    expect(await rowsIn('messages', 'queue')).toEqual([0, 0]);
  });

  it('lose just what is taken off, whatever its place, and once', async () => {
    for (const payload of ['1', '2', '3', '4', '5', '6']) await queue(payload, 'dev1', 'dev10');
    const session = database.sessions.open('dev1');
    await database.change((table) => table.remove(session, [1, 3, 4, 6, 99]));
    await database.change((table) => table.remove(session, [3, 4]));
    expect(await queueOf('dev1')).toEqual(['2', '5']);
    expect(session.messages).toBe(2);
    expect(await queueOf('dev10')).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  it.each([
    ['messages', { queueMessages: 3 }],
    ['bytes', { queueBytes: 3 * (128 + 1 + 1_000) }],
  ])('drop the oldest beyond the number of %s of a session, and count them', async (_, limits) => {
    await database.close();
    let dropped = 0;
    const onOverflow = (count: number) => {
      dropped += count;
    };
    database = openSessions({ file, limits: { ...defaultLimits, ...limits }, onOverflow });
    for (const payload of ['1', '2', '3', '4', '5']) await queue(payload.repeat(1_000), 'full');
    await queue('one', 'other');
    expect((await queueOf('full')).map((text) => text[0])).toEqual(['3', '4', '5']);
    expect(await queueOf('other')).toEqual(['one']);
    expect(dropped).toBe(2);
    expect(await rowsIn('queue')).toEqual([4]);
  });

  it('make room in the longest of them where all together are too many', async () => {
    await database.close();
    let dropped = 0;
    const onOverflow = (count: number) => {
      dropped += count;
    };
    const limits = { ...defaultLimits, queuedBytes: 1_000_000 };
    database = openSessions({ file, limits, onOverflow });
    await queue('small', 'modest');
    for (let index = 0; index < 900; index++) await queue('x'.repeat(1_000), 'greedy');
    expect(dropped).toBeGreaterThan(0);
    expect(database.sessions.open('greedy').messages).toBe(900 - dropped);
    expect(await queueOf('modest')).toEqual(['small']);
  });

  it('hold a hundred thousand messages, which a start does not read and pages bring back in order', async () => {
    const session = database.sessions.open('patient');
    await database.close();
    const limits = { ...defaultLimits, queueMessages: 200_000, queueBytes: 1e9 };
    database = openSessions({ file, limits });
    const receivers = [{ session: database.sessions.open(session.clientId), qos: 1 }];
    const appends: Promise<unknown>[] = [];
    for (let index = 1; index <= 100_000; index++) {
      appends.push(database.append(message(`${index}`), receivers));
      if (index % 5_000 === 0) await Promise.all(appends.splice(0));
    }
    await reopen();
    const again = database.sessions.open('patient');
    expect(again).toMatchObject({ messages: 100_000, nextSeq: 100_001 });
    let expected = 0;
    for (let isLast = false; !isLast; ) {
      const page = await takePage(database, again, expected, { messages: 500, bytes: 1e6 });
      for (const { seq, payload } of page.entries) {
        expected++;
        if (seq !== expected || String(payload) !== `${expected}`)
          throw new Error(`${seq} is not ${expected}`);
      }
      await database.change((table) =>
        table.remove(
          again,
          page.entries.map(({ seq }) => seq),
        ),
      );
      ({ isLast } = page);
    }
    expect(expected).toBe(100_000);
    expect(await rowsIn('messages', 'queue')).toEqual([0, 0]);
  });
});

describe('a session that is discarded', () => {
  it('is gone at once, and its queue behind it, also where a crash came between', async () => {
    for (let index = 0; index < 1_200; index++) void queue('x', 'dev1');
    await queue('kept', 'dev1/a', 'dev10');
    await database.sessions.subscribe(database.sessions.open('dev1'), [{ topic: 't', qos: 1 }]);
    await database.receive(database.sessions.open('dev1'), 'dev1', 1, { messageId: 1 });
    await database.discard('dev1');
    expect(database.sessions.get('dev1')).toBeUndefined();
    expect(database.sessions.index.routeOf('t').recipients).toEqual([]);
    expect(database.halfReceived('dev1', 1)).toBeUndefined();
    // A new session of the name has nothing of the old one.
    await queue('new', 'dev1');
    await reopen(); // before it is cleared away
    expect(await queueOf('dev1')).toEqual(['new']);
    await eventually(() => database.sessions.byNumber.size === 3);
    expect(await rowsIn('sessions', 'subscriptions', 'halfReceived', 'queue', 'messages')).toEqual([
      3, 0, 0, 3, 1,
    ]);
    expect(await queueOf('dev1/a')).toEqual(['kept']);
    expect(await queueOf('dev10')).toEqual(['kept']);
  });
});

describe('a file that must not be used', () => {
  async function spoil(change: (content: Buffer) => Buffer): Promise<Buffer> {
    for (let index = 0; index < 300; index++) void queue('x'.repeat(500), 'dev1');
    await database.close();
    const content = change(readFileSync(file));
    writeFileSync(file, content);
    return content;
  }

  it.each([
    ['is no database', (content: Buffer) => content.fill(0x5a, 0, 100)],
    ['has lost its end', (content: Buffer) => content.subarray(0, 3 * 4_096)],
    ['has a page of rubbish', (content: Buffer) => content.fill(0x5a, 5 * 4_096, 6 * 4_096)],
  ])('is refused where it %s, and left as it is', async (_, change) => {
    const content = await spoil(change);
    expect(() => openSessions({ file })).toThrow(expect.objectContaining({ code: 'session_store_damaged' }));
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  it('is refused where a newer Gatehouse wrote it', async () => {
    await database.close();
    const newer = new Sqlite(file);
    newer.pragma('user_version = 99');
    newer.close();
    expect(() => openSessions({ file })).toThrow(expect.objectContaining({ code: 'session_store_schema' }));
  });

  it('is refused where it is the database of another program', async () => {
    await database.close();
    const foreign = new Sqlite(join(dirname(file), 'foreign.db'));
    foreign.exec('CREATE TABLE things (a)');
    foreign.close();
    const open = () => openSessions({ file: join(dirname(file), 'foreign.db') });
    expect(open).toThrow(expect.objectContaining({ code: 'session_store_schema' }));
  });

  it('is refused while another broker has it open', () => {
    expect(() => openSessions({ file })).toThrow(expect.objectContaining({ code: 'data_in_use' }));
  });

  it('is refused where the folder cannot be written', async () => {
    await database.close();
    const nowhere = join(file, 'sessions.db');
    expect(() => openSessions({ file: nowhere })).toThrow(
      expect.objectContaining({ code: 'session_store_failed' }),
    );
  });
});
