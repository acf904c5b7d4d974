/** What queues share, and what publishers do. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Intake } from '../../broker/delivery/intake.ts';
import { Publication } from '../../broker/delivery/publication.ts';
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

describe('a device that publishes by many sessions', () => {
  const crowdOf = (size: number) =>
    Array.from({ length: size }, (_, index) => ({
      session: database.sessions.open(`reader-${index}`),
      qos: 1,
    }));
  const message = () => Publication.of({ topic: 't', payload: Buffer.from('x'), qos: 1 });

  it('has no more of a round than another one', async () => {
    const intake = new Intake(database);
    const crowd = crowdOf(10_000);
    const acknowledged: string[] = [];
    const publish = async (clientId: string) => {
      database.separate();
      await intake.take(message(), crowd, clientId);
      acknowledged.push(clientId);
    };
    const loud = Array.from({ length: 12 }, (_, index) => publish(`loud/${index}`));
    const others = Array.from({ length: 4 }, () => publish('other'));
    await Promise.all([...loud, ...others]);
    // Its four are in the second round, with three and five of the other device; by session they would be the last of all.
    expect(acknowledged.lastIndexOf('other')).toBeLessThan(acknowledged.indexOf('loud/8'));
  });

  it('is to wait by what all of them ask for', async () => {
    const intake = new Intake(database);
    const crowd = crowdOf(10_000);
    const taken = Array.from({ length: 13 }, (_, index) => intake.take(message(), crowd, `loud/${index}`));
    taken.push(intake.take(message(), crowd.slice(0, 1), 'quiet'));
    expect(database.roomOf('quiet')).toBeNull();
    const room = database.roomOf('loud/20');
    expect(room).not.toBeNull();
    await Promise.all([room, ...taken]);
    expect(database.roomOf('loud/20')).toBeNull();
  });
});

describe('a publisher whose messages are for thousands', () => {
  it('does not keep another one waiting for all of them', async () => {
    const intake = new Intake(database);
    const crowd = Array.from({ length: 10_000 }, (_, index) => database.sessions.open(`reader-${index}`));
    const acknowledged: string[] = [];
    const publish = async (clientId: string, payload: string, sessions: typeof crowd) => {
      database.separate(); // as each PUBLISH does
      const message = Publication.of({ topic: 't', payload: Buffer.from(payload), qos: 1 });
      const receivers = sessions.map((session) => ({ session, qos: 1 }));
      await intake.take(message, receivers, clientId);
      acknowledged.push(payload);
    };
    const all = Array.from({ length: 12 }, (_, index) => publish('loud', `loud ${index}`, crowd));
    all.push(publish('quiet', 'quiet', crowd.slice(0, 1)));
    await Promise.all(all);
    const inOrder = Array.from({ length: 12 }, (_, index) => `loud ${index}`);
    expect(acknowledged.filter((payload) => payload !== 'quiet')).toEqual(inOrder);
    expect(acknowledged.indexOf('quiet')).toBeLessThan(acknowledged.indexOf('loud 11'));
  });
});
