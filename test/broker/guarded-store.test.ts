/** The session store, where it differs from the one that Aedes brings along. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Aedes, type AedesPublishPacket } from 'aedes';
import { Intake } from '../../broker/delivery/intake.ts';
import { Publication } from '../../broker/delivery/publication.ts';
import type { GuardedStore } from '../../broker/persistence/guarded-store.ts';
import { DurableSessions } from '../../broker/sessions/durable-sessions.ts';
import { parseDeviceId } from '../../core/ids.ts';
import { createStore } from './samples.ts';

let store: GuardedStore;
let granted: (filter: string) => boolean;
beforeEach(async () => {
  granted = () => true;
  store = createStore({ isGranted: (_client, filter) => granted(filter) });
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
  const session = store.database.sessions.get(id);
  if (session === undefined) return [];
  const all = { messages: 100, bytes: 1e9 };
  const { entries } = await store.database.change((queue) => queue.page(session, 0, all));
  return entries.map(({ payload }) => String(payload));
}

async function queue(id: string, ...counters: number[]): Promise<void> {
  await store.addSubscriptions({ id }, [{ topic: `of/${id}`, qos: 1 }]);
  const session = store.database.sessions.open(id);
  for (const counter of counters) {
    const text = { topic: `of/${id}`, payload: Buffer.from(String(counter)), qos: 1 } as const;
    await new Intake(store.database).take(Publication.of(text), [{ session, qos: 1 }], 'writer');
  }
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

describe('subscriptions of a session', () => {
  it('are stored up to their number, those that are there already beside it', async () => {
    store = createStore({ limits: { subscriptionsPerSession: 2 } });
    const filters = ['a', 'b', 'c'].map((topic) => ({ topic, qos: 1 }) as const);
    await store.addSubscriptions(dev1, filters);
    await store.addSubscriptions(dev1, [{ topic: 'b', qos: 2 }]);
    expect(await store.subscriptionsByClient(dev1)).toMatchObject([{ topic: 'a' }, { topic: 'b', qos: 2 }]);
    expect([store.mayStore(dev1, 'a'), store.mayStore(dev1, 'c')]).toEqual([true, false]);
    await store.removeSubscriptions(dev1, ['a', 'never there']);
    expect(store.mayStore(dev1, 'c')).toBe(true);
  });
});

describe('messages of QoS 2 that wait for PUBREL', () => {
  beforeEach(() => {
    store = createStore({ limits: { halfReceived: 2 } });
  });
  const receive = (messageId: number, id = 'dev1') =>
    store.incomingStorePacket({ id }, { ...packet(messageId), qos: 2, messageId });

  it('are bounded for the session, whatever connections it has', async () => {
    for (const messageId of [1, 2]) await receive(messageId);
    await expect(receive(3)).rejects.toMatchObject({ code: 'inflight_limit' });
    await expect(receive(3, 'dev10')).resolves.toBeUndefined();
    expect(await store.incomingGetPacket(dev1, { messageId: 2 })).toMatchObject({ messageId: 2 });
  });

  it('are freed by PUBREL, by a clean session and with the session', async () => {
    for (const messageId of [1, 2]) await receive(messageId);
    await store.incomingDelPacket(dev1, { messageId: 1 });
    await expect(store.incomingDelPacket(dev1, { messageId: 1 })).rejects.toThrow();
    await receive(3);
    await store.cleanIncoming(dev1);
    for (const messageId of [4, 5]) await receive(messageId);
    await store.discard('dev1');
    await receive(6);
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
    const session = store.database.sessions.open('dev1');
    const discarded = store.discard('dev1');
    await new Intake(store.database).queueRetained(session, { topic: 't', payload: Buffer.from('x') }, 1);
    const message = { topic: 't', payload: 'late', retain: false, brokerId: null, brokerCounter: null };
    let appended: unknown;
    await store.database.append(message, [{ session, qos: 1 }], {
      onCommitted: (rows) => {
        appended = rows;
      },
    });
    expect(appended).toEqual([]);
    await discarded;
    expect(await queueOf('dev1')).toEqual([]);
  });
});
