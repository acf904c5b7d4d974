/** What is refused at the intake leaves nothing: not even that it was received. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PublishPacket } from 'aedes';
import { Intake } from '../../broker/delivery/intake.ts';
import { defaultLimits } from '../../broker/limits.ts';
import type { SessionDatabase } from '../../broker/persistence/session-database.ts';
import { openSessions } from '../broker/samples.ts';

const CLIENT = { id: 'dev1', clean: false };
let database: SessionDatabase;
let intake: Intake;
beforeEach(() => {
  database = openSessions({ limits: { ...defaultLimits, retainedMessages: 1 } });
  database.sessions.open(CLIENT.id);
  intake = new Intake(database);
});

function retained(topic: string, messageId: number): PublishPacket {
  return { cmd: 'publish', topic, payload: Buffer.from('x'), qos: 2, dup: false, retain: true, messageId };
}

describe('a message of QoS 2 that there is no room to retain', () => {
  it('is not received, so that its repetition is refused as well and not acknowledged', async () => {
    await intake.takeOnce(CLIENT, retained('a', 1));
    await expect(intake.takeOnce(CLIENT, retained('b', 2))).rejects.toMatchObject({ code: 'retained_limit' });
    expect(database.halfReceived(CLIENT.id, 1)).toBeDefined();
    expect(database.halfReceived(CLIENT.id, 2)).toBeUndefined();
    await expect(intake.takeOnce(CLIENT, retained('b', 2))).rejects.toMatchObject({ code: 'retained_limit' });
  });

  it('is received once there is room', async () => {
    await intake.takeOnce(CLIENT, retained('a', 1));
    await expect(intake.takeOnce(CLIENT, retained('b', 2))).rejects.toMatchObject({ code: 'retained_limit' });
    database.retained.removeAllOf(CLIENT.id);
    await intake.takeOnce(CLIENT, retained('b', 2));
    expect(database.retained.count).toBe(1);
  });
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
    ]).durable;
    const all = { messages: 10, bytes: 1e6 };
    const page = await database.change((table) => table.page(one, 0, all));
    const [entry] = page.entries;
    if (entry === undefined) throw new Error('nothing was queued');
    await database.release(one, entry);
    await database.release(one, entry);
    const { entries } = await database.change((table) => table.page(other, 0, all));
    expect(entries.map(({ payload }) => String(payload))).toEqual(['x']);
  });
});
