/** `$presence/ID`: true of every device, for services that are granted it, and for nobody else. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { parseDeviceId } from '../../core/ids.ts';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';
import { connectPacket, RawClient } from './raw-client.ts';

let fleet: Fleet;
let service: Identity;
beforeAll(async () => {
  fleet = await Fleet.create();
  await fleet.applyPolicyGroup('watchers', { subscribe: ['$presence/#', 'devices/+/status'] });
  service = await fleet.enroll('watcher', { group: 'watchers' });
});
afterAll(() => fleet.close());

interface Told {
  readonly status?: string;
  readonly since?: string;
  readonly reason?: string;
  readonly sessions?: number;
  readonly clientId?: string;
  readonly address?: string;
  readonly tlsVersion?: string;
  readonly connectedAt?: string;
}

/** A service that watches, and what it was told of a device. */
async function watch(filter = '$presence/+') {
  const client = await fleet.connect(service, { clientId: `watcher/${Math.random().toString(36).slice(2)}` });
  const inbox = new Inbox(client);
  await subscribe(client, filter, 0);
  const told = (id: string) =>
    inbox.messages
      .filter(({ topic }) => topic === `$presence/${id}`)
      .map(({ payload }) => (payload === '' ? {} : (JSON.parse(payload) as Told)));
  const last = (id: string) => told(id).at(-1);
  const until = (id: string, status: string | undefined) =>
    eventually(() => {
      const newest = last(id);
      return newest !== undefined && newest.status === status ? newest : undefined;
    });
  return { client, inbox, told, last, until };
}

describe('a service that is granted it', () => {
  it('hears of a device that comes and says DISCONNECT', async () => {
    const device = await fleet.enroll('comes');
    const { client, until, inbox } = await watch();
    const before = Date.now();
    const session = await fleet.connect(device, { clientId: 'comes/a' });
    const online = await until('comes', 'online');
    expect(online).toEqual({
      status: 'online',
      since: expect.any(String),
      clientId: 'comes/a',
      address: expect.stringContaining('127.0.0.1'),
      tlsVersion: 'TLSv1.3',
      sessions: 1,
    });
    expect(Date.parse(online.since ?? '')).toBeGreaterThanOrEqual(before);
    await session.endAsync();
    const offline = await until('comes', 'offline');
    expect(offline).toMatchObject({ reason: 'disconnected', connectedAt: online.since, clientId: 'comes/a' });
    expect(
      inbox.messages.filter(({ topic }) => topic === '$presence/comes').every(({ retain }) => !retain),
    ).toBe(true);
    await client.endAsync();
  });

  it('is told why a device went', async () => {
    const { client, until } = await watch();
    const lost = await RawClient.open(fleet, await fleet.enroll('lost'));
    lost.send(connectPacket('lost'));
    await lost.connack();
    lost.socket.destroy();
    expect((await until('lost', 'offline')).reason).toBe('connection_lost');

    const silent = await RawClient.open(fleet, await fleet.enroll('silent'));
    silent.send(connectPacket('silent', { keepalive: 1 }));
    expect((await until('silent', 'offline')).reason).toBe('keepalive_timeout');

    const denied = await fleet.connect(await fleet.enroll('denied'));
    denied.publish('devices/other/status', 'x');
    expect((await until('denied', 'offline')).reason).toBe('publish_denied');

    const suspended = await fleet.connect(await fleet.enroll('suspended'));
    await fleet.suspend('suspended');
    await untilClosed(suspended);
    expect((await until('suspended', 'offline')).reason).toBe('device_suspended');
    await client.endAsync();
  });

  it('finds what stands as retained messages, those of before its time as well', async () => {
    const device = await fleet.enroll('early');
    await fleet.connect(device);
    const gone = await fleet.connect(await fleet.enroll('gone'));
    await gone.endAsync();
    const { client, inbox, until } = await watch('$presence/#');
    await until('early', 'online');
    await until('gone', 'offline');
    expect(inbox.messages.every(({ retain }) => retain)).toBe(true);
    await client.endAsync();
  });

  it('may ask for one device alone', async () => {
    const device = await fleet.enroll('one');
    await fleet.enroll('one0');
    await fleet.connect(device);
    const { client, inbox, until } = await watch('$presence/one');
    await until('one', 'online');
    await fleet.connect(await fleet.enroll('two'));
    const session = await fleet.connect(device);
    await session.endAsync();
    await until('one', 'offline');
    expect(new Set(inbox.messages.map(({ topic }) => topic))).toEqual(new Set(['$presence/one']));
    await client.endAsync();
  });

  it('hears of a device as one, however many sessions it has', async () => {
    const device = await fleet.enroll('many');
    const { client, until, last } = await watch('$presence/many');
    const first = await fleet.connect(device, { clientId: 'many/1' });
    const { since } = await until('many', 'online');
    const second = await fleet.connect(device, { clientId: 'many/2' });
    await eventually(() => last('many')?.sessions === 2);
    expect(last('many')).toMatchObject({ clientId: 'many/2', since });
    await second.endAsync();
    await eventually(() => last('many')?.sessions === 1);
    expect(last('many')).toMatchObject({ status: 'online', clientId: 'many/1', since });
    await first.endAsync();
    await until('many', 'offline');
    await client.endAsync();
  });

  it('is sent the empty message where a device is revoked, and finds nothing of it afterwards', async () => {
    const device = await fleet.enroll('revoked');
    await fleet.enroll('revoked-away');
    const away = await fleet.connect(await fleet.enroll('revoked-away-2'));
    await away.endAsync();
    const { client, until } = await watch();
    await until('revoked-away-2', 'offline');
    await fleet.connect(device);
    await until('revoked', 'online');
    await fleet.revoke('revoked');
    await fleet.revoke('revoked-away-2');
    await until('revoked', undefined);
    await until('revoked-away-2', undefined);
    const later = await watch();
    await later.until('watcher', 'online');
    await fleet.connect(await fleet.enroll('after'));
    await later.until('after', 'online');
    expect([later.last('revoked'), later.last('revoked-away-2')]).toEqual([undefined, undefined]);
    await Promise.all([client.endAsync(), later.client.endAsync()]);
  });

  it('loses it with the grant, without a reconnect, and what is stored of it brings nothing back', async () => {
    await fleet.applyPolicyGroup('fickle', { subscribe: ['$presence/#', 'devices/+/status'] });
    const identity = await fleet.enroll('fickle', { group: 'fickle' });
    const client = await fleet.connect(identity, { clean: false });
    const inbox = new Inbox(client);
    await subscribe(client, ['$presence/+', 'devices/+/status'], 1);
    await eventually(() => inbox.messages.length > 0);
    await fleet.applyPolicyGroup('fickle', { subscribe: ['devices/+/status'] });
    await fleet.journalRead();
    const seen = inbox.messages.length;
    const other = await fleet.connect(await fleet.enroll('unseen'));
    await other.publishAsync('devices/unseen/status', 'here', { qos: 1 });
    await inbox.has('here');
    expect(inbox.messages.slice(seen).filter(({ topic }) => topic.startsWith('$'))).toEqual([]);
    await client.endAsync();
    const back = await fleet.connect(identity, { clean: false });
    const again = new Inbox(back);
    await other.publishAsync('devices/unseen/status', 'again', { qos: 1 });
    await again.has('again');
    expect(again.messages.filter(({ topic }) => topic.startsWith('$'))).toEqual([]);
    await Promise.all([back.endAsync(), other.endAsync()]);
  });
});

describe('a device that is not granted it', () => {
  let device: Identity;
  let client: MqttClient;
  let inbox: Inbox;
  beforeAll(async () => {
    // Everything that can be granted without naming it.
    await fleet.applyPolicyGroup('greedy', {
      publish: ['#', '+/#'],
      subscribe: ['#', '+/#', '/#', '{attr.tree}/#', '{attr.tree}/+'],
    });
    device = await fleet.enroll('greedy', { group: 'greedy', attributes: { tree: '$presence' } });
    client = await fleet.connect(device, { clientId: 'greedy/reads' });
    inbox = new Inbox(client);
  });

  it.each([
    '$presence/#',
    '$presence/+',
    '$presence/watcher',
    '$SYS/#',
    '$SYS/broker/uptime',
    '$SYS/+/new/clients',
    '$share/g/$presence/#',
    '$presence',
  ])('is refused %s', async (filter) => {
    await expect(subscribe(client, filter)).resolves.toEqual([128]);
    await fleet.logged('denied', 'topic_reserved');
  });

  it('gets nothing of it by a wildcard [MQTT-4.7.2-1]', async () => {
    expect(await subscribe(client, ['#', '+/#', '+/+', '/#'], 1)).toEqual([1, 1, 1, 1]);
    const session = await fleet.connect(await fleet.enroll('wild'));
    const other = await fleet.connect(device, { clientId: 'greedy/writes' });
    await session.endAsync();
    await other.publishAsync('marker', 'marker', { qos: 1 });
    await inbox.has('marker');
    expect(inbox.messages.filter(({ topic }) => topic.startsWith('$'))).toEqual([]);
    await other.endAsync();
  });

  it.each(['$presence/watcher', '$SYS/broker/version', '$SYS/x/new/clients'])(
    'and one that is cannot publish to %s, nor by a will',
    async (topic) => {
      const { client: watcher, inbox: watched, until } = await watch('$presence/#');
      await until('watcher', 'online');
      for (const identity of [device, service]) {
        const writer = await fleet.connect(identity, { clientId: `${identity.id}/w` });
        writer.publish(topic, 'forged', { qos: 1, retain: true });
        await untilClosed(writer);
        const will = { topic, payload: Buffer.from('forged'), qos: 1 as const, retain: true };
        await expect(fleet.connect(identity, { clientId: `${identity.id}/w`, will })).rejects.toHaveProperty(
          'code',
          5,
        );
      }
      expect(watcher.connected).toBe(true);
      const later = await watch('$presence/#');
      await later.until('watcher', 'online');
      expect([...watched.payloads, ...later.inbox.payloads]).not.toContain('forged');
      await Promise.all([watcher.endAsync(), later.client.endAsync()]);
    },
  );
});

describe('after the broker ended', () => {
  it('whoever was online is offline, and why, until it comes back', async () => {
    const device = await fleet.enroll('outlasts');
    const session = await fleet.connect(device);
    await session.endAsync();
    // As enroll has it of a run that was killed: nobody told that the session ended.
    const startedAt = Date.now() - 60_000;
    await fleet.stopBroker();
    await fleet.registry.observe({
      run: { startedAt, lastAt: startedAt + 30_000, endedAt: null },
      sightings: [
        {
          device: parseDeviceId('outlasts'),
          run: startedAt,
          connectedAt: startedAt + 1_000,
          disconnectedAt: null,
          reason: null,
          sessions: 1,
          clientId: 'outlasts',
          address: '192.0.2.1',
          tlsVersion: 'TLSv1.2',
          serialNumber: device.serialNumber,
        },
      ],
    });
    await fleet.startBroker();
    for (const filter of ['$presence/#', '$presence/outlasts']) {
      const { client, until } = await watch(filter);
      expect(await until('outlasts', 'offline')).toMatchObject({
        reason: 'broker_ended',
        since: new Date(startedAt + 30_000).toISOString(),
        address: '192.0.2.1',
      });
      await client.endAsync();
    }
    const { client, until } = await watch('$presence/outlasts');
    await until('outlasts', 'offline');
    await fleet.connect(device);
    await until('outlasts', 'online');
    await fleet.revoke('outlasts');
    await until('outlasts', undefined);
    await client.endAsync();
  });
});
