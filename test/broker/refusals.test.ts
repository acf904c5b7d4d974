/** What the broker refuses is told to enroll: whom, what, by which rule, how often; and nothing is filed with a device that it did not do. */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseDeviceId } from '../../core/ids.ts';
import { ReportWriter } from '../../registry/reports/writer.ts';
import { eventually } from '../support/eventually.ts';
import { issueDevice, selfSigned } from './authority.ts';
import { Fleet } from './fleet.ts';
import { subscribe, untilClosed } from './inbox.ts';
import { bytes, field, packet } from './packet-bytes.ts';
import { attempt, connectPacket, RawClient } from './raw-client.ts';
import { filesIn, reported, takeReports } from './reports.ts';

const HOUR = 3_600_000;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create({
    limits: { subscriptionsPerSession: 3, retainedMessages: 1, reportInterval: 100 },
  });
});
afterAll(() => fleet.close());

const refused = (id: string, rule: string) =>
  eventually(async () =>
    (await reported(fleet, 'refusal')).find(({ device, rule: by }) => device === id && by === rule),
  );
const claimed = (id: string, rule: string) =>
  eventually(async () =>
    (await reported(fleet, 'claim')).find(({ claimed: by, rule: of }) => by === id && of === rule),
  );

describe('of a device that has proven who it is', () => {
  it('each kind of refusal is told, with what it was about', async () => {
    const device = await fleet.enroll('dev-1');
    const common = {
      device: 'dev-1',
      serialNumber: device.serialNumber,
      clientId: 'dev-1',
      address: expect.stringContaining('127.0.0.1'),
      count: 1,
      detail: expect.stringMatching(/./),
    };
    const publisher = await fleet.connect(device);
    publisher.publish('devices/other/status', 'x');
    await untilClosed(publisher);

    const subscriber = await fleet.connect(device);
    expect(await subscribe(subscriber, 'devices/+/commands/#')).toEqual([128]);
    const many = ['a', 'b', 'c', 'd'].map((level) => `devices/dev-1/commands/${level}`);
    expect(await subscribe(subscriber, many)).toEqual([1, 1, 1, 128]);
    await subscriber.endAsync();

    const retaining = await fleet.connect(device);
    await retaining.publishAsync('devices/dev-1/telemetry/a', 'x', { retain: true, qos: 1 });
    retaining.publish('devices/dev-1/telemetry/b', 'x', { retain: true, qos: 1 });
    await untilClosed(retaining);

    expect(await attempt(fleet, device, 'dev-2')).toBe(2);
    const will = { topic: 'devices/other/status', payload: Buffer.from('x'), qos: 0 as const, retain: false };
    await expect(fleet.connect(device, { will })).rejects.toHaveProperty('code', 5);
    const garbled = await RawClient.open(fleet, device);
    garbled.send(connectPacket('dev-1'));
    await garbled.connack();
    garbled.send(Buffer.from([0xf0, 0]));
    await garbled.untilClosed();

    expect(await refused('dev-1', 'publish_denied')).toMatchObject({
      ...common,
      action: 'publish',
      topic: 'devices/other/status',
    });
    expect(await refused('dev-1', 'subscribe_denied')).toMatchObject({
      ...common,
      action: 'subscribe',
      topic: 'devices/+/commands/#',
    });
    expect(await refused('dev-1', 'subscription_limit')).toMatchObject({
      ...common,
      action: 'subscribe',
      topic: 'devices/dev-1/commands/d',
    });
    expect(await refused('dev-1', 'retained_limit')).toMatchObject({
      ...common,
      action: 'publish',
      topic: 'devices/dev-1/telemetry/b',
    });
    expect(await refused('dev-1', 'client_id_mismatch')).toMatchObject({
      ...common,
      action: 'connect',
      clientId: 'dev-2',
      topic: null,
    });
    expect(await refused('dev-1', 'will_denied')).toMatchObject({
      ...common,
      action: 'connect',
      topic: 'devices/other/status',
    });
    expect(await refused('dev-1', 'packet_malformed')).toMatchObject({
      ...common,
      action: 'session',
      topic: null,
    });
  });

  it.each(['a#', 'a/#/b'])(
    'a filter that is none is told in words, and ends the session: %s',
    async (filter) => {
      const id = `filter-${filter.length}`;
      const client = await RawClient.open(fleet, await fleet.enroll(id));
      client.send(connectPacket(id));
      await client.connack();
      client.send(bytes(packet('82', '0001', field(filter), '00')));
      await client.untilClosed();
      expect(await refused(id, 'topic_filter_invalid')).toMatchObject({
        action: 'session',
        detail: expect.stringMatching(new RegExp(`^"${filter}": .*[+#]`)),
      });
    },
  );

  it('what its policy no longer lets through to it, and that it was cut off', async () => {
    await fleet.applyPolicyGroup('shrinking', { subscribe: ['news/#', 'other/#'], publish: ['news/#'] });
    const device = await fleet.enroll('dev-2', { group: 'shrinking' });
    const client = await fleet.connect(device);
    await subscribe(client, 'news/#');
    await fleet.applyPolicyGroup('shrinking', { subscribe: ['other/#'] });
    expect(await refused('dev-2', 'subscribe_denied')).toMatchObject({
      action: 'subscribe',
      topic: 'news/#',
    });
    await fleet.suspend('dev-2');
    await untilClosed(client);
    await expect(fleet.connect(device)).rejects.toHaveProperty('code', 5);
    const told = async () =>
      (await reported(fleet, 'refusal')).filter(
        ({ device: by, rule }) => by === 'dev-2' && rule === 'device_suspended',
      );
    await eventually(async () => (await told()).length === 2);
    expect((await told()).map(({ action }) => action).sort()).toEqual(['connect', 'session']);
  });

  it('messages that were dropped since too many waited for it are counted, and are one entry', async () => {
    const fleet = await Fleet.create({
      limits: { queueMessages: 10, sentMessages: 5, waitingMessages: 10, drainTime: 100, reportInterval: 50 },
    });
    try {
      await fleet.applyPolicyGroup('sinks', { subscribe: ['sinks/#'], publish: ['sinks/#'] });
      const device = await fleet.enroll('sink', { group: 'sinks' });
      const away = await fleet.connect(device, { clean: false });
      await subscribe(away, 'sinks/durable');
      await away.endAsync();
      const deaf = await RawClient.open(fleet, await fleet.enroll('deaf', { group: 'sinks' }));
      deaf.send(connectPacket('deaf'));
      await deaf.connack();
      deaf.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'sinks/clean', qos: 1 }] });
      await eventually(() => deaf.received.length >= 9); // CONNACK and SUBACK
      const source = await fleet.connect(await fleet.enroll('source', { group: 'sinks' }));
      for (const topic of ['sinks/durable', 'sinks/clean']) {
        for (let count = 0; count < 30; count++) await source.publishAsync(topic, 'x', { qos: 1 });
      }
      const told = async () => (await reported(fleet, 'refusal')).filter(({ rule }) => rule === 'queue_full');
      const lost = async (device: string) =>
        (await told()).reduce((sum, { device: of, count }) => sum + (of === device ? count : 0), 0);
      await eventually(async () => (await lost('sink')) === 20 && (await lost('deaf')) === 24);
      expect(await fleet.metric('queue_dropped_total')).toBe(44);
      expect((await told())[0]).toMatchObject({
        device: 'sink',
        clientId: 'sink',
        action: 'deliver',
        topic: null,
      });
      expect((await told()).length).toBeLessThan(10);
      await deaf.end();
    } finally {
      await fleet.close();
    }
  });

  it.each<[string, string, () => Promise<void>]>([
    ['certificate_superseded', 'dev-3', async () => void (await fleet.supersede('dev-3'))],
    ['device_revoked', 'dev-4', () => fleet.revoke('dev-4')],
  ])('%s is filed with it', async (rule, id, end) => {
    const device = await fleet.enroll(id);
    await end();
    await expect(fleet.connect(device)).rejects.toHaveProperty('code', 5);
    expect(await refused(id, rule)).toMatchObject({ action: 'connect', serialNumber: device.serialNumber });
  });

  it('certificate_expired is filed with it, whose clock or certificate it may be', async () => {
    const device = await fleet.enroll('dev-5', { now: Date.now() - 3 * HOUR, validity: HOUR });
    await expect(fleet.connect(device)).rejects.toHaveProperty('code', 5);
    expect(await refused('dev-5', 'certificate_expired')).toMatchObject({ action: 'connect' });
  });
});

describe('of a stranger who claims to be a device', () => {
  const strangers = {
    certificate_untrusted: () => selfSigned('victim'),
    // Signed by the CA's key, and not by Gatehouse.
    certificate_unknown: () => issueDevice(fleet.issuing, 'victim'),
    // OpenSSL calls a forgery that has expired expired, and nothing else.
    certificate_expired: () =>
      issueDevice(fleet.issuing, 'victim', { now: Date.now() - 3 * HOUR, validity: HOUR }),
  };

  it.each(Object.entries(strangers))('%s is kept apart from what the device did', async (rule, forge) => {
    if ((await fleet.registry.device(parseDeviceId('victim'))) === undefined) await fleet.enroll('victim');
    const forged = await forge();
    expect(await attempt(fleet, forged, 'victim')).toBe(5);
    expect(await claimed('victim', rule)).toMatchObject({
      action: 'connect',
      rule,
      address: expect.stringContaining('127.0.0.1'),
    });
    expect((await reported(fleet, 'refusal')).filter(({ device }) => device === 'victim')).toEqual([]);
  });

  it('is told nothing of, where what it claims is no device ID', async () => {
    const before = (await reported(fleet, 'claim')).length;
    expect(await attempt(fleet, await selfSigned('not a device'), 'x')).toBe(5);
    expect(await attempt(fleet, null, 'x')).toBe(5);
    // Behind them comes one that is told.
    expect(await attempt(fleet, await selfSigned('marker'), 'x')).toBe(5);
    await claimed('marker', 'certificate_untrusted');
    const names = (await reported(fleet, 'claim')).slice(before).map(({ claimed: name }) => name);
    expect(names).toEqual(['marker']);
  });
});

describe('of a stranger who claims nothing', () => {
  const strange = (rule: string) =>
    eventually(async () => (await reported(fleet, 'stranger')).find(({ rule: by }) => by === rule));
  const from = { action: 'connect', address: expect.stringContaining('127.0.0.1'), serialNumber: null };

  it('the address is told, where there is no certificate', async () => {
    expect(await attempt(fleet, null, 'x')).toBe(5);
    expect(await strange('certificate_missing')).toMatchObject(from);
  });

  it('the address is told, where the certificate names no device', async () => {
    expect(await attempt(fleet, await selfSigned('no device'), 'x')).toBe(5);
    expect(await strange('certificate_untrusted')).toMatchObject({
      ...from,
      serialNumber: expect.stringMatching(/^[0-9A-F]+$/),
    });
  });

  it('the address is told, and in plain words why, where the handshake fails', async () => {
    const device = await fleet.enroll('dev-6');
    const asks = RawClient.open(fleet, device, { ALPNProtocols: ['foreign'] });
    await expect(asks).rejects.toThrow();
    expect(await strange('tls_handshake_failed')).toMatchObject({
      ...from,
      detail: 'the client asks for another protocol (ALPN) than this port speaks',
    });
    // Whose handshake it was, nobody has proven.
    expect((await reported(fleet, 'refusal')).filter(({ device: id }) => id === 'dev-6')).toEqual([]);
  });

  it('nothing is told of who just goes away, as a port check does', async () => {
    const times = async () =>
      (await reported(fleet, 'stranger'))
        .filter(({ rule }) => rule === 'tls_handshake_failed')
        .reduce((sum, { count }) => sum + count, 0);
    const before = await times();
    const failed = await fleet.refusals('tls_handshake_failed');
    connect(fleet.port, '127.0.0.1').on('connect', function (this: Socket) {
      this.resetAndDestroy();
    });
    const gone = connect(fleet.port, '127.0.0.1', () => gone.end());
    await eventually(async () => (await fleet.refusals('tls_handshake_failed')) > failed);
    // Behind it comes one that is told.
    expect(await attempt(fleet, await selfSigned('after'), 'x')).toBe(5);
    await claimed('after', 'certificate_untrusted');
    expect(await times()).toBe(before);
  });
});

describe('a flood', () => {
  it('of ten thousand different topics is told by the twenty newest, and counted in full', async () => {
    const device = await fleet.enroll('flood');
    const client = await RawClient.open(fleet, device);
    client.send(connectPacket('flood'));
    expect(await client.connack()).toBe(0);
    const before = await fleet.metric('denied_total', { action: 'subscribe', rule: 'subscribe_denied' });
    const FILTERS = 10_000;
    await fleet.applyPolicy({
      name: 'device',
      publish: ['devices/{id}/telemetry/#', 'devices/{id}/status'],
      subscribe: ['devices/{id}/commands/#'],
      limits: { messagesPerSecond: 1_000_000, bytesPerSecond: '100MB' },
    });
    await fleet.journalRead();
    for (let from = 0; from < FILTERS; from += 250) {
      client.send({
        cmd: 'subscribe',
        messageId: 1 + from,
        subscriptions: Array.from({ length: 250 }, (_, index) => ({
          topic: `other/${from + index}`,
          qos: 0 as const,
        })),
      });
    }
    await eventually(
      async () =>
        (await fleet.metric('denied_total', { action: 'subscribe', rule: 'subscribe_denied' })) ===
        before + FILTERS,
    );
    await eventually(async () =>
      (await reported(fleet, 'refusal')).some(({ topic }) => topic === `other/${FILTERS - 1}`),
    );
    const ofFlood = filesIn(fleet.layout.reports).map(
      (reports) => reports.filter((report) => report.kind === 'refusal' && report.device === 'flood').length,
    );
    expect(Math.max(...ofFlood)).toBe(20);
    await client.end();
  });

  it('while enroll does not read takes no more files than there may be, and is told once it does', async () => {
    const other = await Fleet.create({ start: false, limits: { reportInterval: 50 } });
    const writer = await ReportWriter.open(other.layout.reports, 0);
    while (writer.hasRoom) await writer.write([]);
    await other.startBroker();
    const device = await other.enroll('dev-1');
    for (let attempts = 0; attempts < 3; attempts++) expect(await attempt(other, device, 'dev-2')).toBe(2);
    await takeReports(other);
    const told = await eventually(async () => (await reported(other, 'refusal')).at(0));
    expect(told).toMatchObject({ device: 'dev-1', rule: 'client_id_mismatch', count: 3 });
    await other.close();
  });
});
