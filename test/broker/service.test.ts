/** The broker as a process sees it: it waits for its data, takes new certificates into service, and ends cleanly. */

import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { rename, rm } from 'node:fs/promises';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { pino } from 'pino';
import { awaitData } from '../../broker/await-data.ts';
import { brokerCommand } from '../../broker/command-line.ts';
import { createAuthority } from '../pki/test-authority.ts';
import { eventually } from '../support/eventually.ts';
import { issueDevice } from './authority.ts';
import { Fleet, type FleetOptions } from './fleet.ts';
import { untilClosed } from './inbox.ts';
import { attempt, RawClient } from './raw-client.ts';
import { insertIssuer } from './world.ts';

const fleets: Fleet[] = [];
async function createFleet(options?: FleetOptions): Promise<Fleet> {
  const fleet = await Fleet.create(options);
  fleets.push(fleet);
  return fleet;
}
afterEach(async () => {
  for (const fleet of fleets.splice(0)) await fleet.close();
});

async function servedSerialNumber(fleet: Fleet): Promise<string> {
  const socket = connect({ port: fleet.port, host: '127.0.0.1', servername: 'localhost', ca: fleet.ca });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return new X509Certificate(raw).serialNumber;
}

describe('starting', () => {
  it('waits for the server certificate that enroll has yet to write', async () => {
    const fleet = await createFleet({ start: false });
    const aside = `${fleet.layout.tls.broker}.aside`;
    await rename(fleet.layout.tls.broker, aside);
    const started = fleet.startBroker();
    await eventually(() => fleet.log.some(({ msg }) => msg.includes('waiting for the server certificate')));
    await rename(aside, fleet.layout.tls.broker);
    await started;
    expect(await attempt(fleet, await fleet.enroll('dev-1'), 'dev-1')).toBe(0);
  });

  it('gives up in the end, and says what is missing', async () => {
    const log = pino({ level: 'silent' });
    const never = awaitData('the moon', () => Promise.reject(new Error('not there')), { log, waitTime: 10 });
    await expect(never).rejects.toMatchObject({
      code: 'data_missing',
      message: expect.stringContaining('the moon'),
    });
  });

  it('says so where the port is taken', async () => {
    const [one, other] = [await createFleet(), await createFleet({ start: false })];
    await expect(other.startBroker({ mqttPort: one.port })).rejects.toMatchObject({ code: 'port_in_use' });
  });
});

describe('the server certificate', () => {
  it('is reloaded when it was renewed, and nobody is dropped', async () => {
    const fleet = await createFleet();
    const client = await fleet.connect(await fleet.enroll('dev-1'));
    const before = await servedSerialNumber(fleet);
    const renewed = await fleet.renewServerCertificate();
    await eventually(async () => (await servedSerialNumber(fleet)) === renewed.serialNumber);
    expect(renewed.serialNumber).not.toBe(before);
    expect(client.connected).toBe(true);
  });

  it('stays the last good one while the file is not', async () => {
    const fleet = await createFleet();
    const before = await servedSerialNumber(fleet);
    await rm(fleet.layout.tls.broker);
    await eventually(() => fleet.log.some(({ msg }) => msg.includes('could not be read')));
    expect(await servedSerialNumber(fleet)).toBe(before);
  });
});

describe('a new issuing CA', () => {
  it('is trusted as soon as the journal tells of it', async () => {
    const fleet = await createFleet();
    const { root, issuing } = await createAuthority({ now: Date.now() });
    const identity = await issueDevice(issuing, 'dev-1');
    expect(await attempt(fleet, identity, 'dev-1')).toBe(5);
    await fleet.registry.write('system', async (transaction) => {
      await insertIssuer(transaction, root, 'root', 'retiring');
      await insertIssuer(transaction, issuing, 'issuing', 'retiring');
    });
    await fleet.record(identity, { record: { issuer: issuing.certificate.fingerprint } });
    await eventually(async () => (await attempt(fleet, identity, 'dev-1')) === 0);
  });
});

describe('closing', () => {
  it('ends every connection, whatever its state, and takes no more', async () => {
    const fleet = await createFleet();
    const identity = await fleet.enroll('dev-1');
    const client = await fleet.connect(identity);
    const silent = await RawClient.open(fleet, await fleet.enroll('dev-2'));
    await fleet.stopBroker();
    await untilClosed(client);
    await silent.untilClosed();
    await expect(RawClient.open(fleet, identity)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(fleet.log.filter(({ level }) => level >= 50)).toEqual([]);
  });
});

describe('too many connections', () => {
  it('are refused before their handshake', async () => {
    const fleet = await createFleet({ limits: { connections: 1 } });
    const identity = await fleet.enroll('dev-1');
    await fleet.connect(identity);
    await expect(RawClient.open(fleet, identity)).rejects.toThrow();
    expect(await fleet.refusals('connection_limit')).toBe(1);
  });
});

describe('the metrics listener', () => {
  it('knows /metrics and /health, and nothing else', async () => {
    const fleet = await createFleet();
    expect(await (await fleet.health()).json()).toEqual({ status: 'ok' });
    expect((await fetch(new URL('/', fleet.metricsUrl))).status).toBe(404);
    const metrics = await fetch(fleet.metricsUrl);
    expect(metrics.headers.get('content-type')).toContain('text/plain');
    expect(await metrics.text()).toContain('gatehouse_broker_connections 0');
    expect((await fetch(fleet.metricsUrl, { method: 'POST' })).status).toBe(404);
  });

  it('tells what is kept for devices that are away', async () => {
    const fleet = await createFleet();
    const sleeper = await fleet.connect(await fleet.enroll('sleeper'), { clean: false });
    const before = await fleet.metric('store_bytes');
    expect(before).toBeGreaterThan(0);
    await sleeper.subscribeAsync('devices/sleeper/commands/#', { qos: 1 });
    await sleeper.publishAsync('devices/sleeper/status', 'x'.repeat(64_000), { qos: 1, retain: true });
    await sleeper.endAsync();
    await fleet.applyPolicyGroup('senders', { publish: ['devices/#'] });
    const sender = await fleet.connect(await fleet.enroll('sender', { group: 'senders' }));
    await sender.publishAsync('devices/sleeper/commands/wake', 'now', { qos: 1 });
    expect(await fleet.metric('durable_sessions')).toBe(1);
    expect(await fleet.metric('queued_messages')).toBe(1);
    expect(await fleet.metric('retained_messages')).toBe(1);
    expect(await fleet.metric('store_bytes')).toBeGreaterThan(before);
  });
});

describe('gatehouse broker', () => {
  it('explains its settings', () => {
    const broker = new Command('broker');
    brokerCommand(broker);
    const help = broker.helpInformation();
    for (const flag of ['--data', '--mqtt-port', '--metrics-port', '--hostname', '--json', '--log-level']) {
      expect(help).toContain(flag);
    }
  });
});
