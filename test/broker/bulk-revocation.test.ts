/** Many revoked at once: every session concerned ends, what is kept is kept, and the messages of others go on in between. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { parseDeviceId, parseEntityName } from '../../core/ids.ts';
import type { RegistryTransaction } from '../../registry/port/transaction.ts';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';
import { attempt, connectPacket, RawClient } from './raw-client.ts';

let fleet: Fleet;
let commander: MqttClient;
beforeAll(async () => {
  fleet = await Fleet.create();
  await fleet.applyPolicyGroup('backends', { publish: ['devices/+/commands/#'], subscribe: [] });
  commander = await fleet.connect(await fleet.enroll('service', { group: 'backends' }));
});
afterAll(() => fleet.close());

const write = (work: (transaction: RegistryTransaction) => Promise<void>) =>
  fleet.registry.write('system', work);
const group = parseEntityName('devices');

async function changeAll(identities: readonly Identity[], kind: 'revoked' | 'suspended'): Promise<void> {
  await write(async (transaction) => {
    const devices = identities.map(({ id, serialNumber }) => ({
      id: parseDeviceId(id),
      serialNumbers: [serialNumber],
    }));
    for (const { id, serialNumbers } of devices) {
      await transaction.updateDevice(id, { status: kind });
      await transaction.setCertificateStatus(serialNumbers, kind, Date.now());
    }
    const data = { count: devices.length, devices };
    await transaction.append(
      kind === 'revoked'
        ? { action: 'devices.revoked', subject: group, data: { ...data, reason: 'unspecified' } }
        : { action: 'devices.suspended', subject: group, data },
    );
  });
}

async function revokeCertificates(identities: readonly Identity[]): Promise<void> {
  await write(async (transaction) => {
    const serialNumbers = identities.map(({ serialNumber }) => serialNumber);
    await transaction.setCertificateStatus(serialNumbers, 'revoked', Date.now());
    await announce(transaction, identities);
  });
}

function announce(transaction: RegistryTransaction, identities: readonly Identity[]): Promise<void> {
  const certificates = identities.map(({ id, serialNumber }) => ({
    serialNumber,
    device: parseDeviceId(id),
  }));
  const data = { reason: 'unspecified', count: certificates.length, certificates } as const;
  const { fingerprint } = fleet.issuing.certificate;
  return transaction.append({ action: 'certificates.revoked', subject: fingerprint, data });
}

/** A session that waits for a command, which came while it was away. */
async function leaveQueue(identity: Identity): Promise<void> {
  const client = await fleet.connect(identity, { clean: false });
  await subscribe(client, `devices/${identity.id}/commands/#`);
  await client.endAsync();
  await commander.publishAsync(`devices/${identity.id}/commands/open`, 'open', { qos: 1 });
}

async function hasSession(identity: Identity): Promise<boolean> {
  const client = await RawClient.open(fleet, identity);
  client.send(connectPacket(identity.id, { clean: false }));
  expect(await client.connack()).toBe(0);
  const present = client.received.readUInt8(2) === 1;
  await client.end();
  return present;
}

describe('devices that are revoked together', () => {
  it('are cut off, all of them and nobody else, and counted', async () => {
    const identities = await Promise.all(
      Array.from({ length: 120 }, (_, index) => fleet.enroll(`bulk-${index}`)),
    );
    const clients: MqttClient[] = [];
    for (let from = 0; from < identities.length; from += 20) {
      clients.push(
        ...(await Promise.all(identities.slice(from, from + 20).map((one) => fleet.connect(one)))),
      );
    }
    const before = await fleet.metric('cut_off_total', { rule: 'device_revoked' });
    await changeAll(identities.slice(0, 100), 'revoked');
    for (const client of clients.slice(0, 100)) await untilClosed(client);
    expect(await fleet.metric('cut_off_total', { rule: 'device_revoked' })).toBe(before + 100);
    // One line for all of them, that does not grow with them; each at `debug`.
    const line = await fleet.logged('sessions cut off', 'device_revoked');
    expect(line).toMatchObject({ level: 40, sessions: 100, deviceCount: 100 });
    expect(line.devices).toHaveLength(20);
    const each = fleet.log.filter(
      ({ msg, device }) => msg === 'session cut off' && /^bulk-/.test(String(device)),
    );
    expect(each.map(({ level }) => level)).toEqual(Array(100).fill(20));
    for (const [index, client] of clients.slice(100).entries()) {
      await client.publishAsync(`devices/bulk-${100 + index}/telemetry`, 'alive', { qos: 1 });
    }
    for (const identity of identities.slice(0, 3))
      expect(await attempt(fleet, identity, identity.id)).toBe(5);
  });

  it('leave nothing: neither wills nor what waited for them', async () => {
    const gone = await fleet.enroll('bulk-queue');
    const other = await fleet.enroll('bulk-queue-of-another');
    for (const identity of [gone, other]) await leaveQueue(identity);
    // Only the journal says so, for the registry would not let it back to look.
    await write((transaction) =>
      transaction.append({
        action: 'devices.revoked',
        subject: group,
        data: {
          reason: 'unspecified',
          count: 1,
          devices: [{ id: parseDeviceId(gone.id), serialNumbers: [] }],
        },
      }),
    );
    await fleet.journalRead();
    expect([await hasSession(gone), await hasSession(other)]).toEqual([false, true]);
  });
});

describe('devices that are suspended together', () => {
  it('are cut off, and find their sessions again', async () => {
    const identity = await fleet.enroll('bulk-paused');
    await leaveQueue(identity);
    const client = await fleet.connect(identity, { clientId: 'bulk-paused/live' });
    await changeAll([identity], 'suspended');
    await untilClosed(client);
    expect(await attempt(fleet, identity, identity.id)).toBe(5);
    await fleet.resume(identity.id);
    await new Inbox(fleet.client(identity, { clean: false })).has('open');
  });
});

describe('certificates that are revoked', () => {
  it('end the sessions that use them, and no session by another certificate of the device', async () => {
    const old = await fleet.enroll('two-certificates');
    const oldClient = await fleet.connect(old, { clientId: 'two-certificates/old' });
    const fresh = await fleet.supersede('two-certificates');
    await untilClosed(oldClient);
    const client = await fleet.connect(fresh);
    await revokeCertificates([old]);
    await fleet.journalRead();
    await client.publishAsync('devices/two-certificates/telemetry', 'alive', { qos: 1 });
    await revokeCertificates([fresh]);
    await untilClosed(client);
    expect(await fleet.metric('cut_off_total', { rule: 'certificate_revoked' })).toBe(1);
    expect(await attempt(fleet, fresh, fresh.id)).toBe(5);
    await fleet.logged('connection refused', 'certificate_revoked');
  });

  it('leave what waits for the device to its next certificate', async () => {
    const identity = await fleet.enroll('kept-queue');
    await leaveQueue(identity);
    // Only the journal says so, for the registry would not let it back to look.
    await write((transaction) => announce(transaction, [identity]));
    await fleet.journalRead();
    expect(await hasSession(identity)).toBe(true);
  });

  it('refuse an arrival that is still on its way', async () => {
    const identity = await fleet.enroll('arriving-certificate');
    const client = await RawClient.open(fleet, identity);
    const before = await fleet.refusals('certificate_revoked');
    await revokeCertificates([identity]);
    await eventually(async () => (await fleet.refusals('certificate_revoked')) === before + 1);
    client.send(connectPacket(identity.id));
    expect(await client.connack()).toBe(5);
  });
});

it('a device that is reinstated is refused with the certificate that it had', async () => {
  const identity = await fleet.enroll('reinstated');
  await leaveQueue(identity);
  await changeAll([identity], 'revoked');
  await write(async (transaction) => {
    await transaction.reinstateDevice(parseDeviceId(identity.id));
    await transaction.append({
      action: 'device.reinstated',
      subject: parseDeviceId(identity.id),
      data: { released: false },
    });
  });
  await fleet.journalRead();
  expect(await attempt(fleet, identity, identity.id)).toBe(5);
  await fleet.logged('connection refused', 'certificate_revoked');
});
