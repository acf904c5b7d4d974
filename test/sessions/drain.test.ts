/** The broker ended by SIGTERM while devices publish: nothing that it has acknowledged is lost, and it ends in time. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { defaultLimits } from '../../broker/limits.ts';
import { SessionDatabase } from '../../broker/persistence/session-database.ts';
import { FileSync } from '../../broker/persistence/sqlite/file-sync.ts';
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

describe('messages for thousands, more than the disk takes in time', () => {
  const CROWD = 2_400;
  const open = () => {
    const quiet = { onOverflow: () => {}, onFailure: () => {} };
    const limits = { ...defaultLimits, queuedBytes: 1e12 };
    return new SessionDatabase({ file: fleet.layout.sessions, durability: 'os', limits, ...quiet });
  };

  /** Sessions that are away, of one device. */
  async function gather(): Promise<void> {
    await fleet.enroll('crowd', { group: 'anything' });
    const database = open();
    for (let index = 0; index < CROWD; index++) {
      const session = database.sessions.open(`crowd/${index}`);
      void database.sessions.subscribe(session, [{ topic: 'all', qos: 1 }]);
    }
    await database.close();
  }

  /** Payloads in the queue of one of them. */
  async function kept(): Promise<string[]> {
    const database = open();
    const session = database.sessions.open('crowd/7');
    const page = await database.change((queue) => queue.page(session, 0, { messages: 1e6, bytes: 1e9 }));
    await database.close();
    return page.entries.map(({ payload }) => String(payload));
  }

  beforeEach(gather);

  it('do not keep the process from ending in time, and none of those that were acknowledged is lost', async () => {
    const broker = new BrokerProcess(fleet, '--log-level', 'warn');
    await broker.start();
    const acknowledged: string[] = [];
    const writers: StrictClient[] = [];
    try {
      for (let writer = 0; writer < 10; writer++) {
        const client = broker.client(await fleet.enroll(`writer-${writer}`, { group: 'anything' }));
        writers.push(client);
        await eventually(() => client.isConnected);
      }
      for (const [writer, client] of writers.entries()) {
        for (let count = 0; count < 100; count++) {
          const payload = `${writer} ${count}`;
          void client.publish('all', payload, 1).then(() => acknowledged.push(payload));
        }
      }
      await eventually(() => acknowledged.length > 0);
      await broker.stop();
      expect(await broker.untilEnd()).toBe(0);
      expect(broker.log).not.toContain('"level":50');
      expect(acknowledged.length).toBeLessThan(1_000);
      expect(await kept()).toEqual(expect.arrayContaining(acknowledged));
    } finally {
      for (const client of writers) client.end();
      await broker.stop();
    }
  });

  it('are taken in as far as they have begun, and the others neither kept nor acknowledged, but wills are', async () => {
    await fleet.startBroker();
    const writer = await fleet.connect(await fleet.enroll('writer', { group: 'anything' }));
    const will = { topic: 'all', payload: Buffer.from('gone'), qos: 1, retain: false } as const;
    const lost = await fleet.connect(await fleet.enroll('lost', { group: 'anything' }), { will });
    let isStuck = true;
    const waiting: (() => void)[] = [];
    const { sync } = FileSync.prototype;
    jest.spyOn(FileSync.prototype, 'sync').mockImplementation(async function (this: FileSync) {
      if (isStuck) await new Promise<void>((resolve) => waiting.push(resolve));
      await sync.call(this);
    });
    const { abandon } = SessionDatabase.prototype;
    jest.spyOn(SessionDatabase.prototype, 'abandon').mockImplementation(function (this: SessionDatabase) {
      abandon.call(this);
      isStuck = false;
      for (const goOn of waiting) goOn();
    });
    try {
      let acknowledged = 0;
      const said = 60;
      for (let count = 0; count < said; count++) {
        writer.publish('all', `${count}`, { qos: 1 }, (error) => {
          if (!error) acknowledged++;
        });
      }
      await eventually(() => waiting.length > 0); // of the first round
      lost.stream.destroy();
      await eventually(async () => (await fleet.metric('connections')) === 1);
      await fleet.stopBroker();
      await eventually(() => !writer.connected);
      const found = await kept();
      expect(found).toHaveLength(acknowledged);
      expect(found.length).toBeGreaterThan(0);
      expect(found.length).toBeLessThan(said / 2);
      const database = open();
      const owners = [...database.wills.all()].map(({ clientId }) => clientId);
      await database.close();
      expect(owners).toEqual(['lost']);
    } finally {
      jest.restoreAllMocks();
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
