/** One session a client id: taken over by the same device only, and never lost from sight. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from 'aedes';
import type { MqttClient } from 'mqtt';
import { SoundAedes } from '../../broker/sessions/sound-aedes.ts';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';
import { attempt, connectPacket, RawClient } from './raw-client.ts';
import { createStore } from './samples.ts';

let fleet: Fleet;
let identity: Identity;
let backend: MqttClient;
let inbox: Inbox;
beforeAll(async () => {
  fleet = await Fleet.create();
  identity = await fleet.enroll('dev-1');
  await fleet.applyPolicyGroup('watchers', { subscribe: ['devices/+/status'] });
  backend = await fleet.connect(await fleet.enroll('watcher', { group: 'watchers' }));
  inbox = new Inbox(backend);
  await subscribe(backend, 'devices/+/status');
});
afterAll(() => fleet.close());

describe('a session', () => {
  it('is taken over by the same device, and its will is published', async () => {
    const will = {
      topic: 'devices/dev-1/status',
      payload: Buffer.from('replaced'),
      qos: 1,
      retain: false,
    } as const;
    const first = await fleet.connect(identity, { will });
    const second = await fleet.connect(identity);
    await untilClosed(first);
    await inbox.has('replaced');
    expect(second.connected).toBe(true);
    expect(await fleet.metric('cut_off_total', { rule: 'session_taken_over' })).toBe(1);
    await second.endAsync();
  });

  it('is not touched by another device that asks for its client id', async () => {
    const other = await fleet.enroll('dev-2');
    const session = await fleet.connect(identity);
    expect(await attempt(fleet, other, 'dev-1')).toBe(2);
    await session.publishAsync('devices/dev-1/status', 'untouched', { qos: 1 });
    await inbox.has('untouched');
    await session.endAsync();
  });

  it('is not touched by a certificate of its name that is not admitted', async () => {
    const session = await fleet.connect(identity);
    const superseded = await fleet.enroll('dev-1', {
      record: { status: 'superseded', revokedAt: 1, reason: 'superseded' },
    });
    expect(await attempt(fleet, superseded, 'dev-1')).toBe(5);
    await session.publishAsync('devices/dev-1/status', 'unmoved', { qos: 1 });
    await inbox.has('unmoved');
    await session.endAsync();
  });

  it('stands beside another of the same device under ID/suffix', async () => {
    const first = await fleet.connect(identity);
    const second = await fleet.connect(identity, { clientId: 'dev-1/second' });
    await second.publishAsync('devices/dev-1/status', 'side by side', { qos: 1 });
    await inbox.has('side by side');
    expect(first.connected).toBe(true);
    await Promise.all([first.endAsync(), second.endAsync()]);
  });
});

describe('of many connections that want one client id at once', () => {
  it('exactly one remains, and a revocation finds it', async () => {
    const device = await fleet.enroll('crowded');
    const clients = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const client = await RawClient.open(fleet, device);
        client.send(connectPacket('crowded'), {
          cmd: 'subscribe',
          messageId: 1,
          subscriptions: [{ topic: 'devices/crowded/commands/#', qos: 1 }],
        });
        return client;
      }),
    );
    await eventually(() => clients.filter(({ closed }) => !closed).length === 1);
    const [winner] = clients.filter(({ closed }) => !closed);
    await winner?.connack();
    expect(clients.filter(({ closed }) => !closed)).toEqual([winner]);
    await fleet.revoke('crowded');
    await winner?.untilClosed();
  });

  it('connections that break off while others come leave no ghost behind', async () => {
    const device = await fleet.enroll('haunted');
    const connections = await fleet.metric('connections');
    for (let round = 0; round < 20; round++) {
      const client = await RawClient.open(fleet, device);
      client.send(connectPacket('haunted', { clean: round % 2 === 0 }), {
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: 'devices/haunted/commands/#', qos: 1 }],
      });
      if (round % 3 !== 0) await client.connack();
      client.socket.destroy();
    }
    const last = await fleet.connect(device);
    await eventually(async () => (await fleet.metric('connections')) === connections + 1);
    await fleet.revoke('haunted');
    await untilClosed(last);
    await eventually(async () => (await fleet.metric('connections')) === connections);
  });
});

describe("Aedes' register of clients", () => {
  let aedes: SoundAedes;
  beforeEach(async () => {
    aedes = new SoundAedes({
      persistence: createStore(),
      publishWill: async () => {},
    });
    await aedes.listen();
  });
  afterEach(() => new Promise<void>((resolve) => aedes.close(resolve)));

  /** Aedes' own client, as far as the register looks at it. */
  function client(id: string): Client {
    const one = { id, closed: false, close: (done: () => void) => done() };
    return one as Partial<Client> as Client;
  }

  it('keeps a live client when an earlier one of its id finishes closing late', () => {
    const [earlier, later] = [client('x'), client('x')];
    aedes.registerClient(earlier);
    Object.assign(earlier, { closed: true }); // its close is under way
    aedes.registerClient(later);
    aedes.unregisterClient(earlier); // and comes to its end
    expect(aedes.clients.x).toBe(later);
    aedes.unregisterClient(later);
  });

  it('does not take in a client whose connection is over', () => {
    aedes.registerClient(Object.assign(client('x'), { closed: true }));
    expect(aedes.clients.x).toBeUndefined();
  });
});
