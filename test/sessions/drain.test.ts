/** The broker ended by SIGTERM while devices publish: nothing that it has acknowledged is lost, and it ends in time. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { defaultLimits } from '../../broker/limits.ts';
import { SessionDatabase } from '../../broker/persistence/session-database.ts';
import { Fleet } from '../broker/fleet.ts';
import { Inbox, subscribe } from '../broker/inbox.ts';
import { eventually } from '../support/eventually.ts';
import { BrokerProcess } from './broker-process.ts';
import type { StrictClient } from './strict-client.ts';

const WINDOW = 50;

let fleet: Fleet;
beforeEach(async () => {
  fleet = await Fleet.create({ start: false });
  await fleet.applyPolicyGroup('anything', {
    publish: ['#'],
    subscribe: ['#'],
    limits: { messagesPerSecond: 100_000, bytesPerSecond: 100_000_000 },
  });
});
afterEach(() => fleet.close());

describe('SIGTERM under load', () => {
  it('ends the process with code 0 and in time, and nothing that was acknowledged is lost', async () => {
    const broker = new BrokerProcess(fleet, '--log-level', 'warn');
    const clients: StrictClient[] = [];
    const clientOf = async (id: string) => {
      const client = broker.client(await fleet.enroll(id, { group: 'anything' }));
      clients.push(client);
      await eventually(() => client.isConnected);
      return client;
    };
    await broker.start();
    try {
      const reader = await clientOf('reader');
      const received = new Map<string, number>();
      reader.onMessage = ({ payload }) => {
        received.set(String(payload), (received.get(String(payload)) ?? 0) + 1);
      };
      await reader.subscribe(['load/#'], 2);
      const acknowledged: string[] = [];
      const said: Promise<void>[] = [];
      let isOver = false;
      for (const [id, qos] of [
        ['writer-1', 1],
        ['writer-2', 2],
      ] as const) {
        const writer = await clientOf(id);
        let count = 0;
        const sayNext = (): void => {
          const payload = `${id} ${count++}`;
          const done = writer.publish(`load/${id}`, payload, qos).then(() => {
            acknowledged.push(payload);
            if (!isOver) sayNext();
          });
          said.push(done);
        };
        for (let index = 0; index < WINDOW; index++) sayNext();
      }
      for (let round = 0; round < 3; round++) {
        const before = acknowledged.length;
        await eventually(() => acknowledged.length > before + 200);
        await broker.stop();
        // Past its deadline it would be 1.
        expect(await broker.untilEnd()).toBe(0);
        await broker.start();
      }
      isOver = true;
      await eventually(() => acknowledged.length === said.length);
      await eventually(() => acknowledged.every((payload) => received.has(payload)));
      const twice = [...received].filter(([payload, count]) => count > 1 && payload.startsWith('writer-2'));
      expect(twice).toEqual([]);
      expect(broker.log).not.toContain('"level":50');
    } finally {
      for (const client of clients) client.end();
      await broker.stop();
    }
  });
});

describe('a broker that ends', () => {
  it('has acknowledged all that it keeps', async () => {
    await fleet.startBroker();
    const reading = await fleet.enroll('reader', { group: 'anything' });
    const reader = await fleet.connect(reading, { clean: false });
    await subscribe(reader, ['x/#'], 1);
    await reader.endAsync();
    const writer = await fleet.connect(await fleet.enroll('writer', { group: 'anything' }));
    let [said, acknowledged] = [0, 0];
    const sayNext = (): void => {
      if (!writer.connected) return;
      writer.publish('x/y', `${said++}`, { qos: 1 }, (error) => {
        if (!error) acknowledged++;
        sayNext();
      });
    };
    for (let index = 0; index < 5_000; index++) sayNext();
    await eventually(() => acknowledged > 100);
    await fleet.stopBroker();
    await eventually(() => !writer.connected);
    expect(said).toBeGreaterThan(acknowledged); // it was under way

    await fleet.startBroker();
    const inbox = new Inbox(fleet.client(reading, { clean: false }));
    const probe = await fleet.connect(await fleet.enroll('probe', { group: 'anything' }));
    await probe.publishAsync('x/last', 'last', { qos: 1 });
    await inbox.has('last');
    expect(inbox.payloads.length - 1).toBe(acknowledged);
  });

  const will = (id: string) => ({
    will: { topic: `devices/${id}/status`, payload: Buffer.from('gone'), qos: 1, retain: false } as const,
  });
  const storedWills = async (): Promise<string[]> => {
    const quiet = { onOverflow: () => {}, onFailure: () => {} };
    const file = fleet.layout.sessions;
    const database = new SessionDatabase({ file, durability: 'os', limits: defaultLimits, ...quiet });
    const owners = [...database.wills.all()].map(({ clientId }) => clientId);
    await database.close();
    return owners.sort();
  };

  it('defers the will of whoever took over, though the earlier one was published meanwhile', async () => {
    await fleet.startBroker();
    const watcher = await fleet.connect(await fleet.enroll('watcher', { group: 'anything' }), {
      clean: false,
    });
    await subscribe(watcher, ['devices/+/status'], 1);
    const inbox = new Inbox(watcher);
    const device = await fleet.enroll('dev-1');
    await fleet.connect(device, { clean: false, ...will('dev-1') });
    await fleet.connect(device, { clean: false, ...will('dev-1') });
    await inbox.has('gone');
    await watcher.publishAsync('devices/watcher/status', 'behind it', { qos: 1 });
    await fleet.stopBroker();
    expect(await storedWills()).toEqual(['dev-1']);
  });

  it('defers wills to its next start, and forgets those of whoever is back by then', async () => {
    await fleet.startBroker();
    const watching = await fleet.enroll('watcher', { group: 'anything' });
    const watcher = await fleet.connect(watching, { clean: false });
    await subscribe(watcher, ['devices/+/status', 'probe'], 1);
    const [one, other] = [await fleet.enroll('dev-1'), await fleet.enroll('dev-2')];
    await fleet.connect(one, will('dev-1'));
    await fleet.connect(other, { clean: false, ...will('dev-2') });
    await fleet.stopBroker();
    expect(await storedWills()).toEqual(['dev-1', 'dev-2']);

    await fleet.startBroker();
    const inbox = new Inbox(fleet.client(watching, { clean: false }));
    await fleet.connect(one);
    const probe = await fleet.connect(await fleet.enroll('probe', { group: 'anything' }));
    await probe.publishAsync('probe', 'behind all wills', { qos: 1 });
    await inbox.has('behind all wills');
    expect(inbox.payloads).toEqual(['behind all wills']);
    await fleet.stopBroker();
    expect(await storedWills()).toEqual(['dev-2']);
  });

  it('publishes the will of whoever is lost before', async () => {
    await fleet.startBroker();
    const watcher = await fleet.connect(await fleet.enroll('watcher', { group: 'anything' }));
    const inbox = new Inbox(watcher);
    await subscribe(watcher, ['devices/+/status'], 1);
    const lost = await fleet.connect(await fleet.enroll('dev-3'), will('dev-3'));
    lost.stream.destroy();
    await inbox.has('gone');
  });
});
