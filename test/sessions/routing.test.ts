/** What Aedes may hand to a client by itself, and what is its queue's: nothing twice, and nothing before CONNACK. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AedesPublishPacket, Client } from 'aedes';
import type { Authorizer } from '../../broker/authorization/authorizer.ts';
import type { GuardedStore } from '../../broker/persistence/guarded-store.ts';
import { connectionOf, createStore, roomsAround, standingOf } from '../broker/samples.ts';

let store: GuardedStore;
let authorizer: Authorizer;
let client: { id: string; clean: boolean; connackSent: boolean };
beforeEach(async () => {
  store = createStore();
  const rooms = roomsAround(store);
  authorizer = rooms.authorizer;
  client = { id: 'dev1', clean: false, connackSent: true };
  const connection = connectionOf('dev1');
  connection.standing = standingOf('dev1', { subscribe: ['open/#'] });
  rooms.live.bind(client as Partial<Client> as Client, connection);
  const { sessions } = store.database;
  await sessions.subscribe(sessions.open('dev1'), [
    { topic: 'open/one', qos: 1 },
    { topic: 'open/zero', qos: 0 },
  ]);
});

function packet(topic: string, rest: Partial<AedesPublishPacket> = {}): AedesPublishPacket {
  const message = { cmd: 'publish', topic, payload: 'x', qos: 2, dup: false, retain: false } as const;
  return { ...message, brokerId: 'b', brokerCounter: 1, ...rest } as AedesPublishPacket;
}

function forward(message: AedesPublishPacket): AedesPublishPacket | null {
  return authorizer.forward(client as Partial<Client> as Client, message);
}

describe('to a durable session', () => {
  it('goes nothing that its queue has, and once what only a filter of QoS 0 matches', () => {
    expect(forward(packet('open/one'))).toBeNull();
    expect(forward(packet('open/zero'))).toMatchObject({ topic: 'open/zero', qos: 0 });
    expect(forward(packet('open/one', { qos: 0 }))).toMatchObject({ qos: 0 });
  });

  it('goes a retained message through its queue, with the QoS that it was granted', async () => {
    const retained = { retain: true, brokerId: '' } as const;
    expect(forward(packet('open/one', retained))).toBeNull();
    await store.database.flush();
    const session = store.database.sessions.open('dev1');
    const all = { messages: 9, bytes: 999 };
    const { entries } = await store.database.change((queue) => queue.page(session, 0, all));
    expect(entries).toMatchObject([{ topic: 'open/one', qos: 1, retain: 1 }]);
  });
});

describe('to any session', () => {
  it('goes nothing before CONNACK', () => {
    client.connackSent = false;
    expect(forward(packet('open/zero'))).toBeNull();
  });

  it('goes a message as it is where the session is clean, and nothing that the policy denies', () => {
    client.clean = true;
    expect(forward(packet('open/one'))).toMatchObject({ qos: 2 });
    expect(forward(packet('closed'))).toBeNull();
  });
});
