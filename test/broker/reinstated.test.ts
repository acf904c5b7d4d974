/**
 * Devices that are revoked, reinstated and back with a new certificate before the broker has heard of any of it: it was
 * away, it was killed, or its reader of the journal lags behind. Nothing from before comes back, and nothing new is lost.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { SqliteReader } from '../../registry/sqlite/reader.ts';
import { BrokerProcess } from '../sessions/broker-process.ts';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';
import { connectPacket, RawClient } from './raw-client.ts';

let fleet: Fleet;
let commander: Identity;
let reader: Identity;
beforeAll(async () => {
  fleet = await Fleet.create();
  await fleet.applyPolicyGroup('backends', {
    publish: ['devices/+/commands/#'],
    subscribe: ['devices/#'],
  });
  await fleet.applyPolicyGroup('anything', { publish: ['devices/#'], subscribe: ['devices/#'] });
  commander = await fleet.enroll('commander', { group: 'backends' });
  reader = await fleet.enroll('reader', { group: 'backends' });
});
afterAll(() => fleet.close());
afterEach(() => void jest.restoreAllMocks());

type Connect = (identity: Identity, options?: IClientOptions) => Promise<MqttClient>;
const here: Connect = (identity, options) => fleet.connect(identity, options);

/** A session with a subscription and something in its queue, and a retained message. */
async function leave(identity: Identity, connect: Connect = here): Promise<void> {
  const client = await connect(identity, { clean: false });
  await subscribe(client, `devices/${identity.id}/commands/#`);
  await client.publishAsync(`devices/${identity.id}/status`, 'kept', { qos: 1, retain: true });
  await client.endAsync();
  await command(identity, 'from before', connect);
}

async function command({ id }: Identity, payload: string, connect: Connect = here): Promise<void> {
  const client = await connect(commander);
  await client.publishAsync(`devices/${id}/commands/open`, payload, { qos: 1 });
  await client.endAsync();
}

async function replace(id: string): Promise<Identity> {
  await fleet.revoke(id);
  await fleet.reinstate(id);
  return fleet.enroll(id);
}

async function hasSession(identity: Identity, broker: Pick<Fleet, 'port' | 'ca'> = fleet): Promise<boolean> {
  const client = await RawClient.open(broker, identity);
  client.send(connectPacket(identity.id, { clean: false }));
  expect(await client.connack()).toBe(0);
  const present = client.received.readUInt8(2) === 1;
  await client.end();
  return present;
}

/** What is retained of the device, and is published to whoever listens meanwhile. */
async function retainedOf({ id }: Identity, connect: Connect = here): Promise<readonly string[]> {
  const client = await connect(reader);
  const inbox = new Inbox(client);
  await subscribe(client, [`devices/${id}/status`, 'devices/reader/#']);
  const probe = await connect(commander, { clientId: 'commander/probe' });
  await probe.publishAsync('devices/reader/commands/probe', 'probe', { qos: 1 });
  await inbox.has('probe');
  await Promise.all([client.endAsync(), probe.endAsync()]);
  return inbox.payloads.filter((payload) => payload !== 'probe');
}

describe('while the broker was away', () => {
  it('it finds nothing of what it had, and keeps what it stores from then on', async () => {
    const old = await fleet.enroll('away');
    const other = await fleet.enroll('away2');
    for (const identity of [old, other]) await leave(identity);
    await fleet.stopBroker();
    const fresh = await replace('away');
    await fleet.startBroker();
    expect([await hasSession(fresh), await hasSession(other)]).toEqual([false, true]);
    expect(await retainedOf(fresh)).toEqual([]);
    await leave(fresh);
    await fleet.stopBroker();
    await fleet.startBroker();
    expect(await hasSession(fresh)).toBe(true);
    expect(await retainedOf(fresh)).toEqual(['kept']);
  });

  it('its will is not published, not even that of a session which was to end with its connection', async () => {
    const will = {
      topic: 'devices/away-will/status',
      payload: Buffer.from('will'),
      qos: 1,
      retain: true,
    } as const;
    const old = await fleet.enroll('away-will');
    await fleet.connect(old, { will });
    await fleet.stopBroker(); // which leaves wills to the next start
    await replace('away-will');
    await fleet.startBroker();
    expect(fleet.log.some(({ device, msg }) => device === 'away-will' && msg.includes('removed'))).toBe(true);
  });
});

describe('while the broker was killed', () => {
  it('what took effect before counts as done, and what did not is made up for', async () => {
    await fleet.stopBroker();
    const broker = new BrokerProcess(fleet, '--log-level', 'warn');
    await broker.start();
    const connect: Connect = ({ id, key, chain }, options) =>
      connectAsync(`mqtts://localhost:${broker.port}`, {
        ...{ ca: fleet.ca, key, cert: chain, clientId: id, reconnectPeriod: 0 },
        ...options,
      });
    const at = { ca: fleet.ca, port: broker.port };

    // Revoked and back while it ran: its new session is no business of the revocation any more.
    await leave(await fleet.enroll('killed-1'), connect);
    const first = await replace('killed-1');
    await leave(first, connect);
    await leave(await fleet.enroll('killed-2'), connect);
    await broker.kill();
    const second = await replace('killed-2');
    await broker.start();
    expect([await hasSession(first, at), await hasSession(second, at)]).toEqual([true, false]);
    expect([await retainedOf(first, connect), await retainedOf(second, connect)]).toEqual([['kept'], []]);
    await leave(second, connect);
    await broker.kill();
    await broker.start();
    expect([await hasSession(first, at), await hasSession(second, at)]).toEqual([true, true]);
    await broker.stop();
    await fleet.startBroker();
  });
});

/** Until it is released, no reader of the journal gets anything. */
function holdJournal(): () => void {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { journal } = SqliteReader.prototype;
  jest.spyOn(SqliteReader.prototype, 'journal').mockImplementation(async function (
    this: SqliteReader,
    ...query
  ) {
    await held;
    return journal.apply(this, query);
  });
  return release;
}

describe('while the reader of the journal lags behind', () => {
  it('it finds nothing of what it had, and keeps its new session when the reader comes to it', async () => {
    await leave(await fleet.enroll('lagging'));
    const release = holdJournal();
    const fresh = await replace('lagging');
    expect(await hasSession(fresh)).toBe(false);
    expect(await retainedOf(fresh)).toEqual([]);
    await leave(fresh);
    const client = await fleet.connect(fresh, { clientId: 'lagging/live' });
    release();
    await fleet.journalRead();
    await client.publishAsync('devices/lagging/telemetry', 'alive', { qos: 1 });
    expect(await hasSession(fresh)).toBe(true);
    expect(await retainedOf(fresh)).toEqual(['kept']);
  });

  it('its connections from before end as it comes, their wills unpublished', async () => {
    const will = {
      topic: 'devices/lagging-will/status',
      payload: Buffer.from('will'),
      qos: 1,
      retain: true,
    } as const;
    const old = await fleet.connect(await fleet.enroll('lagging-will'), { will });
    const release = holdJournal();
    const fresh = await replace('lagging-will');
    const client = await fleet.connect(fresh); // under the same client id
    await untilClosed(old);
    expect(await retainedOf(fresh)).toEqual([]);
    release();
    await fleet.journalRead();
    await client.publishAsync('devices/lagging-will/telemetry', 'alive', { qos: 1 });
    expect(await retainedOf(fresh)).toEqual([]);
  });

  it('a device that was resumed since keeps its connection', async () => {
    const identity = await fleet.enroll('lagging-pause');
    const release = holdJournal();
    await fleet.suspend('lagging-pause');
    await fleet.resume('lagging-pause');
    const client = await fleet.connect(identity);
    release();
    await fleet.journalRead();
    await client.publishAsync('devices/lagging-pause/telemetry', 'alive', { qos: 1 });
  });

  it('an arrival by its new certificate goes on', async () => {
    await fleet.enroll('lagging-arrival');
    const release = holdJournal();
    const fresh = await replace('lagging-arrival');
    const client = await RawClient.open(fleet, fresh);
    release();
    await fleet.journalRead();
    client.send(connectPacket(fresh.id));
    expect(await client.connack()).toBe(0);
    await client.end();
  });

  it('one who was revoked, and is not back, is cut off as ever', async () => {
    const client = await fleet.connect(await fleet.enroll('lagging-revoked'));
    const release = holdJournal();
    await fleet.revoke('lagging-revoked');
    release();
    await eventually(() => !client.connected);
  });
});
