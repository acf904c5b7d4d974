/** The last locks, behind those that a device meets first: each by itself, with the others out of the way. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Client } from 'aedes';
import { generate } from 'mqtt-packet';
import { Publication } from '../../broker/delivery/publication.ts';
import type { Will } from '../../broker/front/connect-packet.ts';
import { defaultLimits } from '../../broker/limits.ts';
import type { GuardedStore } from '../../broker/persistence/guarded-store.ts';
import { LiveTable } from '../../broker/sessions/live-table.ts';
import { MessageBroker } from '../../broker/sessions/message-broker.ts';
import { takeStanding } from '../../broker/sessions/take-standing.ts';
import { eventually } from '../support/eventually.ts';
import {
  clock,
  connectionOf,
  createStore,
  Line,
  log,
  roomsAround,
  standingOf,
  systemParts,
} from './samples.ts';

const lastWill: Will = { topic: 't', payload: Buffer.from('x'), qos: 1, retain: false };
const everything = { publish: ['#'], subscribe: ['#'] };

let store: GuardedStore;
let broker: MessageBroker;
let rooms: ReturnType<typeof roomsAround>;
const errors: unknown[] = [];
beforeEach(async () => {
  jest.useFakeTimers({
    doNotFake: ['nextTick', 'setImmediate', 'setTimeout', 'performance', 'Date', 'queueMicrotask'],
  });
  store = createStore();
  rooms = roomsAround(store);
  errors.length = 0;
  const noisy = Object.assign(Object.create(log), {
    error: (entry: { err: unknown }) => errors.push(entry.err),
  });
  broker = await MessageBroker.start({ ...rooms, ...systemParts, limits: defaultLimits, clock, log: noisy });
});
afterEach(async () => {
  jest.useRealTimers();
  await broker.close();
});

function attach(id: string, clientId: string, will: Will | null = null, clean = true) {
  const line = new Line();
  const connection = connectionOf(id, line);
  const standing = standingOf(id, everything);
  connection.standing = standing;
  connection.clientId = id;
  rooms.live.add(connection);
  broker.attach(connection, standing, { clientId, clean, keepalive: 0, will });
  return { line, connection };
}

describe('a session', () => {
  it('is served', async () => {
    const { line } = attach('dev-1', 'dev-1');
    await eventually(() => line.sent.equals(Buffer.from([0x20, 2, 0, 0])));
    line.destroy();
  });

  it('that is cut off before CONNACK is not told that it may stay, and has never been here', async () => {
    await broker.close();
    const onArrival = jest.fn();
    const parts = { ...systemParts, onArrival };
    broker = await MessageBroker.start({ ...rooms, ...parts, limits: defaultLimits, clock, log });
    const { line, connection } = attach('dev-7', 'dev-7', lastWill, false);
    connection.cut('device_revoked');
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(line.sent).toHaveLength(0);
    expect(onArrival).not.toHaveBeenCalled();
    expect(await store.getWill({ id: 'dev-7' })).toBeUndefined();
    connection.release();
    await connection.gone;
  });

  it.each(['subscriptionsByClient', 'putWill'] as const)(
    'that cannot be set up in time is ended: %s does not answer',
    async (way) => {
      jest.spyOn(store, way).mockReturnValue(new Promise<never>(() => {}));
      await broker.close();
      const limits = { ...defaultLimits, admissionTime: 50 };
      broker = await MessageBroker.start({ ...rooms, ...systemParts, limits, clock, log });
      const dismissed = jest.spyOn(rooms.cutOff, 'dismiss');
      const { line, connection } = attach('dev-6', 'dev-6', lastWill, false);
      await connection.gone;
      expect(dismissed).toHaveBeenCalledWith(connection, 'connect_timeout', expect.anything());
      expect(line.sent).toHaveLength(0);
    },
  );

  it('that is cut off leaves no will in the store, and may do nothing more', async () => {
    const { line, connection } = attach('dev-3', 'dev-3', lastWill);
    await eventually(
      async () => line.sent.length > 0 && (await store.getWill({ id: 'dev-3' })) !== undefined,
    );
    const { client } = connection;
    if (client === null) throw new Error('not attached');
    await rooms.cutOff.cut(connection, 'device_revoked', Date.now());
    expect(await store.getWill({ id: 'dev-3' })).toBeUndefined();
    expect(await mayPublish(client)).toBe(false);
    expect(rooms.authorizer.denialOfSubscribe(client, 't')).not.toBeNull();
    expect(rooms.authorizer.judge(connection, 't')).toBe('stop');
    const message = Publication.of({ topic: 't', payload: Buffer.from('x'), qos: 0 });
    expect(rooms.authorizer.refusalOf(connection, message, { allowedBy: null })).not.toBeNull();
    await connection.gone;
  });
});

describe('a session that is cut, and not cleared away yet', () => {
  it('has nothing more taken from it, and is given nothing', async () => {
    const { line, connection } = attach('dev-5', 'dev-5', lastWill);
    await eventually(() => line.sent.length > 0);
    line.push(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 0 }] }));
    await eventually(() => line.sent.includes(Buffer.from([0x90, 3, 0, 1, 0])));
    const { length } = line.sent;
    connection.cut('device_revoked');
    expect(line.writableEnded).toBe(true); // so the peer hears of it now
    const message = { topic: 't', payload: 'x', qos: 0, dup: false, retain: false } as const;
    line.push(generate({ cmd: 'publish', ...message }));
    line.push(generate({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['t'] }));
    line.push(null);
    const published = jest.spyOn(rooms.authorizer, 'publish');
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(published).not.toHaveBeenCalled();
    expect(Object.keys(connection.client?.subscriptions ?? {})).toEqual(['t']);
    expect(line.sent).toHaveLength(length);
    connection.release();
    await connection.gone;
    expect(line.destroyed).toBe(true);
    expect(published).not.toHaveBeenCalled();
  });
});

describe('a session that is about to end', () => {
  it('leaves no will when its right to be here ends before it does', async () => {
    const { line, connection } = attach('dev-4', 'dev-4', lastWill);
    await eventually(() => line.sent.length > 0);
    // With a subscription to end, Aedes takes a while to close.
    line.push(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 0 }] }));
    await eventually(() => line.sent.includes(Buffer.from([0x90, 3, 0, 1, 0])));
    const published = jest.spyOn(rooms.authorizer, 'publish');
    connection.dismiss('packet_malformed');
    connection.cut('device_revoked');
    await connection.gone;
    expect(published).not.toHaveBeenCalled();
  });
});

describe('what is remembered of a decision', () => {
  it('holds for the grants that it was made by, and for no others', () => {
    const connection = connectionOf('dev-5');
    const approval = { allowedBy: null };
    const message = Publication.of({ topic: 't', payload: Buffer.from('x'), qos: 0 });
    const { authorizer } = rooms;
    connection.standing = standingOf('dev-5', everything);
    for (const topic of ['t', 't']) expect(authorizer.judge(connection, topic, approval)).toBe('deliver');
    expect(authorizer.refusalOf(connection, message, approval)).toBeNull();
    connection.standing = standingOf('dev-5', { publish: ['u'], subscribe: ['u'] });
    expect(authorizer.judge(connection, 't', approval)).toBe('drop');
    expect(authorizer.refusalOf(connection, message, approval)).toMatchObject({ code: 'publish_denied' });
  });
});

describe('a session whose end has begun', () => {
  it('publishes nothing any more', async () => {
    const { line, connection } = attach('dev-6', 'dev-6');
    await eventually(() => line.sent.length > 0);
    // With a subscription to end, Aedes takes a while to close.
    line.push(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 0 }] }));
    await eventually(() => line.sent.includes(Buffer.from([0x90, 3, 0, 1, 0])));
    const retained = { topic: 't', payload: 'x', qos: 0, dup: false, retain: true } as const;
    connection.dismiss('session_taken_over');
    line.emit('data', generate({ cmd: 'publish', ...retained }));
    expect(store.retained.count).toBe(0);
    await connection.gone;
  });
});

function mayPublish(client: Client): Promise<boolean> {
  const message = { cmd: 'publish', topic: 't', payload: '', qos: 0, dup: false, retain: false } as const;
  return new Promise((resolve) =>
    rooms.authorizer.publish(client, message, (error) => resolve(error === null)),
  );
}

describe('a will of another broker that is denied', () => {
  it('ends nothing but itself', async () => {
    const will = {
      cmd: 'publish',
      topic: 't',
      payload: Buffer.from('x'),
      qos: 0,
      dup: false,
      retain: false,
    } as const;
    await store.putWill({ id: 'nobody' }, { ...will, brokerId: '', brokerCounter: 0 });
    const stored = await store.getWill({ id: 'nobody' });
    Object.assign(stored ?? {}, { brokerId: 'another' });
    await jest.advanceTimersByTimeAsync(4 * 60_000);
    await eventually(() => errors.length > 0);
    expect(errors).toMatchObject([{ code: 'device_unknown' }]);
    expect(await store.getWill({ id: 'nobody' })).toBeUndefined();
  });
});

describe('a standing', () => {
  it('is read again where grants changed while it was read', async () => {
    const live = new LiveTable();
    const [outdated, current] = [standingOf('dev-1', everything), standingOf('dev-1')];
    const answers = [outdated, current];
    const admission = {
      admit: async () => {
        if (answers.length === 2) live.noteChange();
        return answers.shift() ?? current;
      },
    };
    const connection = connectionOf('dev-1');
    expect(await takeStanding(connection, { live, admission })).toBe(current);
    expect(connection.standing).toBe(current);
  });
});
