/** What queues share. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { SessionDatabase } from '../../broker/persistence/session-database.ts';
import { openSessions } from '../broker/samples.ts';

let database: SessionDatabase;
beforeEach(() => {
  database = openSessions();
});

describe('a body that several sessions wait for', () => {
  it('is given up by one of them once, however often its PUBREC comes', async () => {
    const [one, other] = [database.sessions.open('one'), database.sessions.open('other')];
    const message = {
      topic: 't',
      payload: Buffer.from('x'),
      retain: false,
      brokerId: null,
      brokerCounter: null,
    };
    await database.append(message, [
      { session: one, qos: 2 },
      { session: other, qos: 2 },
    ]);
    const all = { messages: 10, bytes: 1e6 };
    const page = await database.change((table) => table.page(one, 0, all));
    const [entry] = page.entries;
    if (entry === undefined) throw new Error('nothing was queued');
    await database.release(one, entry.seq);
    await database.release(one, entry.seq);
    const { entries } = await database.change((table) => table.page(other, 0, all));
    expect(entries.map(({ payload }) => String(payload))).toEqual(['x']);
  });
});
