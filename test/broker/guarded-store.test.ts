/** The session store, where it differs from the one that Aedes brings along. */
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Aedes, type AedesPublishPacket, type Client } from 'aedes';
import { pino } from 'pino';
import { Registry as MetricsRegistry } from 'prom-client';
import { PolicyCache } from '../../broker/admission/policy-cache.ts';
import { Authorizer } from '../../broker/authorization/authorizer.ts';
import { Denials } from '../../broker/authorization/denials.ts';
import { OrphanWills } from '../../broker/authorization/orphan-wills.ts';
import { createBrokerMetrics } from '../../broker/metrics.ts';
import { GuardedStore } from '../../broker/persistence/guarded-store.ts';
import { Connection } from '../../broker/sessions/connection.ts';
import { DurableSessions } from '../../broker/sessions/durable-sessions.ts';
import { LiveTable } from '../../broker/sessions/live-table.ts';
import { parseDeviceId, parseEntityName, parseFingerprint, parseSerialNumber } from '../../core/ids.ts';
import { bindPolicy } from '../../core/policy/grants.ts';
import { parsePolicy } from '../../core/policy/policy.ts';

let store: GuardedStore;
let granted: (filter: string) => boolean;
beforeEach(async () => {
  granted = () => true;
  store = new GuardedStore({ isGranted: (_client, filter) => granted(filter) });
  await store.setup(new Aedes());
});

const dev1 = { id: 'dev1' };

function packet(counter: number, topic = 't'): AedesPublishPacket {
  return {
    ...{ cmd: 'publish', topic, payload: Buffer.from(String(counter)), qos: 1, dup: false, retain: false },
    brokerId: 'broker',
    brokerCounter: counter,
  } as const;
}

async function queueOf(id: string): Promise<string[]> {
  const payloads: string[] = [];
  for await (const { payload } of store.outgoingStream({ id })) payloads.push(String(payload));
  return payloads;
}

async function queue(id: string, ...counters: number[]): Promise<void> {
  await store.addSubscriptions({ id }, [{ topic: 't', qos: 1 }]);
  for (const counter of counters) await store.outgoingEnqueueCombi([{ clientId: id }], packet(counter));
}

describe('subscriptions', () => {
  it('are stored as far as they are granted', async () => {
    granted = (filter) => filter !== 'denied';
    const subscriptions = [
      { topic: 'granted', qos: 1 },
      { topic: 'denied', qos: 1 },
    ] as const;
    await store.addSubscriptions(dev1, [...subscriptions]);
    expect(await store.subscriptionsByClient(dev1)).toMatchObject([{ topic: 'granted', qos: 1 }]);
  });

  it('are asked about once for a packet, though Aedes stores it anew for each filter in it', async () => {
    let asked = 0;
    granted = () => ++asked > 0;
    const subscriptions = Array.from(
      { length: 50 },
      (_, index) => ({ topic: `t/${index}`, qos: 1 }) as const,
    );
    for (const _ of subscriptions) await store.addSubscriptions(dev1, subscriptions);
    expect(asked).toBe(50);
    expect(await store.subscriptionsByClient(dev1)).toHaveLength(50);
  });
});

describe('the queue', () => {
  it('loses nothing for a message that has no message id', async () => {
    await queue('dev1', 1, 2);
    await store.outgoingClearMessageId(dev1, { messageId: undefined });
    expect(await queueOf('dev1')).toEqual(['1', '2']);
  });

  it('loses just the message that is dropped', async () => {
    await queue('dev1', 1, 2, 3);
    await store.dropQueued(dev1, packet(2));
    await store.dropQueued(dev1, packet(7));
    expect(await queueOf('dev1')).toEqual(['1', '3']);
  });

  it('loses a message whose delivery is denied, and no other', async () => {
    await queue('dev1', 1, 2, 3);
    const client = { ...dev1, clean: false } as Partial<Client> as Client;
    expect(authorizerFor(client).forward(client, packet(2, 'secret'))).toBeNull();
    await new Promise(setImmediate);
    expect(await queueOf('dev1')).toEqual(['1', '3']);
  });
});

describe('a session that is discarded', () => {
  it('leaves nothing behind, and takes nothing of another along', async () => {
    await queue('dev1', 1, 2);
    await queue('dev1/a', 3);
    await queue('dev10', 4);
    await store.incomingStorePacket(dev1, { ...packet(5), messageId: 9 });
    await store.putWill(dev1, packet(6));
    const durable = new DurableSessions({ store });
    const [device, other] = [parseDeviceId('dev1'), parseDeviceId('dev10')];
    durable.keep(device, 'dev1');
    durable.keep(device, 'dev1/a');
    durable.keep(other, 'dev10');
    await durable.discardAll(device);

    expect(await queueOf('dev1')).toEqual([]);
    expect(await queueOf('dev1/a')).toEqual([]);
    expect(await store.subscriptionsByClient(dev1)).toEqual([]);
    await expect(store.incomingGetPacket(dev1, { messageId: 9 })).rejects.toThrow();
    expect(await store.getWill(dev1)).toBeUndefined();
    expect(durable.of(device)).toEqual([]);
    expect(await queueOf('dev10')).toEqual(['4']);
    expect(durable.of(other)).toEqual(['dev10']);
  });

  it('gets no message any more that was on its way to it', async () => {
    await queue('dev1');
    const subscribers = [{ clientId: 'dev1' }];
    await store.discard('dev1');
    await store.outgoingEnqueueCombi(subscribers, packet(1));
    expect(await queueOf('dev1')).toEqual([]);
  });
});

/** Grants nothing to the one client that it knows. */
function authorizerFor(client: Client): Authorizer {
  const log = pino({ level: 'silent' });
  const metrics = createBrokerMetrics(new MetricsRegistry());
  const live = new LiveTable();
  const id = parseDeviceId('dev1');
  const connection = new Connection({
    socket: new TLSSocket(new Socket()),
    peer: {
      device: id,
      fingerprint: parseFingerprint('0'.repeat(64)),
      serialNumber: parseSerialNumber('01'),
    },
    address: '',
  });
  const subject = { id, group: parseEntityName('default'), attributes: {} };
  const grants = bindPolicy(parsePolicy({ name: 'none' }), subject);
  connection.standing = { subject, grants, notAfter: 0, isFirstUse: false };
  live.bind(client, connection);
  const denials = new Denials({ metrics, log });
  const registry = {
    device: async () => undefined,
    group: async () => undefined,
    policy: async () => undefined,
  };
  const orphanWills = new OrphanWills({ registry, policies: new PolicyCache(), store, metrics, log });
  return new Authorizer({ live, store, orphanWills, denials, metrics, log });
}
