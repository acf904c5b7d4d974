/** When the right to be connected ends: live sessions, their wills, and what is stored for them. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { FileSync } from '../../broker/persistence/sqlite/file-sync.ts';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';
import { attempt, connectPacket, RawClient } from './raw-client.ts';

let fleet: Fleet;
let backend: MqttClient;
let inbox: Inbox;
let commander: MqttClient;

beforeAll(async () => {
  fleet = await Fleet.create();
  await fleet.applyPolicyGroup('backends', {
    publish: ['devices/+/commands/#'],
    subscribe: ['devices/+/telemetry/#', 'devices/+/status'],
  });
  const service = await fleet.enroll('service', { group: 'backends' });
  backend = await fleet.connect(service);
  commander = await fleet.connect(service, { clientId: 'service/commander' });
  inbox = new Inbox(backend);
  await subscribe(backend, ['devices/+/telemetry', 'devices/+/status']);
});
afterAll(() => fleet.close());
afterEach(() => void jest.restoreAllMocks());

/** Something published now has come through: whatever was published before has come or will not. */
async function settle(): Promise<void> {
  const probe = await fleet.enroll(`probe-${Math.random().toString(36).slice(2)}`);
  const client = await fleet.connect(probe);
  await client.publishAsync(`devices/${probe.id}/status`, probe.id, { qos: 1 });
  await inbox.has(probe.id);
  await client.endAsync();
}

/** What the session held comes at once with CONNACK: the inbox is there before. */
function resumeSession(identity: Identity): Inbox {
  return new Inbox(fleet.client(identity, { clean: false }));
}

function willOf({ id }: Identity) {
  return {
    topic: `devices/${id}/status`,
    payload: Buffer.from(`will of ${id}`),
    qos: 1,
    retain: false,
  } as const;
}

describe('when revoked', () => {
  it('a live session is cut off', async () => {
    const identity = await fleet.enroll('revoked-1');
    const client = await fleet.connect(identity);
    await fleet.revoke('revoked-1');
    await untilClosed(client);
    expect(await fleet.metric('cut_off_total', { rule: 'device_revoked' })).toBe(1);
    expect(await fleet.metric('cut_off_seconds_count')).toBe(1);
    expect(await fleet.logged('session cut off', 'device_revoked')).toMatchObject({
      device: 'revoked-1',
      serialNumber: identity.serialNumber,
      clientId: 'revoked-1',
    });
    expect(await attempt(fleet, identity, 'revoked-1')).toBe(5);
  });

  it('every session of the device goes, and none of a device whose ID begins alike', async () => {
    const one = await fleet.enroll('press-1');
    const other = await fleet.enroll('press-10');
    const sessions = [
      await fleet.connect(one),
      await fleet.connect(one, { clientId: 'press-1/a' }),
      await fleet.connect(one, { clientId: 'press-1/b' }),
    ];
    const bystander = await fleet.connect(other);
    await fleet.revoke('press-1');
    for (const session of sessions) await untilClosed(session);
    await bystander.publishAsync('devices/press-10/telemetry', 'still here', { qos: 1 });
    await inbox.has('still here');
  });

  it('its will is not published', async () => {
    const [revoked, lost] = [await fleet.enroll('willed-1'), await fleet.enroll('willed-2')];
    const client = await fleet.connect(revoked, { will: willOf(revoked) });
    const lostClient = await fleet.connect(lost, { will: willOf(lost) });
    await fleet.revoke('willed-1');
    await untilClosed(client);
    // A will of a connection that is merely lost comes, so this one would have come too.
    lostClient.stream.destroy();
    await inbox.has('will of willed-2');
    await settle();
    expect(inbox.payloads).not.toContain('will of willed-1');
  });

  it('what waits for it is thrown away, also while it is offline', async () => {
    const identity = await fleet.enroll('stored-1');
    const other = await fleet.enroll('stored-10');
    for (const device of [identity, other]) {
      const client = await fleet.connect(device, { clean: false });
      await subscribe(client, `devices/${device.id}/commands/#`);
      await client.endAsync();
      await commander.publishAsync(`devices/${device.id}/commands/open`, 'open', { qos: 1 });
    }
    // Only the journal says so, for the registry would not let it back to look.
    await fleet.announceRevocation('stored-1');
    await fleet.journalRead();
    const client = await RawClient.open(fleet, identity);
    client.send(connectPacket('stored-1', { clean: false }));
    expect(await client.connack()).toBe(0);
    expect(client.received.readUInt8(2)).toBe(0); // session present
    await client.end();

    await resumeSession(other).has('open');
  });

  it('an arrival that is still on its way is refused', async () => {
    const identity = await fleet.enroll('arriving-1');
    const client = await RawClient.open(fleet, identity);
    const before = await fleet.refusals('device_revoked');
    await fleet.revoke('arriving-1');
    await eventually(async () => (await fleet.refusals('device_revoked')) === before + 1);
    client.send(connectPacket('arriving-1'));
    expect(['closed', 5]).toContain(await client.connack()); // by how long it took to say so
    await client.untilClosed();
  });

  it('at any moment of connecting, nobody stays', async () => {
    const connections = await fleet.metric('connections');
    const identities = await Promise.all(
      Array.from({ length: 40 }, (_, index) => fleet.enroll(`racing-${index}`)),
    );
    const clients = await Promise.all(
      identities.map(async (identity, index) => {
        const revoked = delay(index).then(() => fleet.revoke(identity.id));
        const client = await RawClient.open(fleet, identity);
        client.send(connectPacket(identity.id, { clean: index % 2 === 0, will: willOf(identity) }));
        await revoked;
        return client;
      }),
    );
    for (const client of clients) await client.untilClosed();
    await eventually(async () => (await fleet.metric('connections')) === connections);
    await settle();
    expect(inbox.payloads.filter((payload) => payload.includes('racing'))).toEqual([]);
  });

  it('what it had sent just before reaches nobody after it is cut', async () => {
    const identity = await fleet.enroll('flooder');
    const client = await fleet.connect(identity);
    const flood = setInterval(() => {
      for (let count = 0; count < 20; count++) {
        client.publish('devices/flooder/telemetry', `flood ${performance.now()}`, { qos: 0 });
      }
    }, 1);
    try {
      await eventually(() => inbox.payloads.some((payload) => payload.startsWith('flood')));
      await fleet.revoke('flooder');
      await untilClosed(client);
    } finally {
      clearInterval(flood);
    }
    await settle();
    const count = inbox.messages.length;
    await settle();
    expect(inbox.messages.length).toBe(count + 1);
  });
});

/** Until it is released, the disk has nothing of what is written from now on. */
function holdDisk(): () => void {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { sync } = FileSync.prototype;
  jest.spyOn(FileSync.prototype, 'sync').mockImplementation(async function (this: FileSync) {
    await held;
    return sync.call(this);
  });
  return release;
}

describe('while the disk takes long over what a revoked device had stored', () => {
  it('others are cut off all the same, or have their new rights, and nothing of the device is kept', async () => {
    const away = await fleet.enroll('slow-away');
    const live = await fleet.connect(await fleet.enroll('slow-live'));
    const moved = await fleet.connect(await fleet.enroll('slow-moved'));
    const client = await fleet.connect(away, { clean: false });
    await subscribe(client, 'devices/slow-away/commands/#');
    await client.endAsync();
    const release = holdDisk();
    try {
      await fleet.revoke('slow-away');
      await fleet.changeDevice('slow-moved', { group: 'services' });
      await fleet.revoke('slow-live');
      await untilClosed(live);
      moved.publish('devices/slow-moved/telemetry', 'not allowed any more', { qos: 0 });
      await untilClosed(moved);
    } finally {
      release();
    }
    await fleet.reinstate('slow-away');
    const session = await RawClient.open(fleet, await fleet.enroll('slow-away'));
    session.send(connectPacket('slow-away', { clean: false }));
    expect(await session.connack()).toBe(0);
    expect(session.received.readUInt8(2)).toBe(0); // no session present
    await session.end();
  });
});

describe('when suspended', () => {
  it('is cut off and refused, and finds its session again when it is resumed', async () => {
    const identity = await fleet.enroll('paused-1');
    const client = await fleet.connect(identity, { clean: false, will: willOf(identity) });
    await subscribe(client, 'devices/paused-1/commands/#');
    await fleet.suspend('paused-1');
    await untilClosed(client);
    expect(await fleet.metric('cut_off_total', { rule: 'device_suspended' })).toBe(1);
    expect(await attempt(fleet, identity, 'paused-1')).toBe(5);
    await commander.publishAsync('devices/paused-1/commands/open', 'while suspended', { qos: 1 });
    await settle();
    expect(inbox.payloads).not.toContain('will of paused-1');

    await fleet.resume('paused-1');
    await resumeSession(identity).has('while suspended');
  });
});

describe('when enrolled again', () => {
  it('the session of the old certificate is cut off, and that of the new one stays', async () => {
    const old = await fleet.enroll('renewed-1');
    const client = await fleet.connect(old);
    const fresh = await fleet.supersede('renewed-1');
    await untilClosed(client);
    expect(await fleet.metric('cut_off_total', { rule: 'certificate_superseded' })).toBe(1);
    const successor = await fleet.connect(fresh);
    await settle();
    expect(successor.connected).toBe(true);
    expect(await attempt(fleet, old, 'renewed-1')).toBe(5);
  });
});

describe('when its certificate expires', () => {
  it('a live session ends at that moment, and its will is not published', async () => {
    const { client, identity, notAfter } = await connectBriefly(600);
    await untilClosed(client);
    expect(Date.now()).toBeGreaterThanOrEqual(notAfter);
    expect(await fleet.metric('cut_off_total', { rule: 'certificate_expired' })).toBe(1);
    await settle();
    expect(inbox.payloads).not.toContain(`will of ${identity.id}`);
  });

  /** With a certificate that lives for `life` ms, or longer where this machine does not connect within that. */
  async function connectBriefly(life: number) {
    const notAfter = Date.now() + life;
    const identity = await fleet.enroll(`expiring-${life}`, { record: { notAfter } });
    try {
      return { client: await fleet.connect(identity, { will: willOf(identity) }), identity, notAfter };
    } catch (error) {
      if (Date.now() < notAfter) throw error;
      return connectBriefly(life * 4);
    }
  }
});

describe('20 of 80 in a row', () => {
  it('each is cut off, once, and nobody else is disturbed', async () => {
    const identities = await Promise.all(
      Array.from({ length: 80 }, (_, index) => fleet.enroll(`row-${index}`)),
    );
    const clients: MqttClient[] = [];
    for (const identity of identities) clients.push(await fleet.connect(identity));
    const doomed = clients.slice(0, 20);
    const before = await fleet.metric('cut_off_total', { rule: 'device_revoked' });
    for (const { id } of identities.slice(0, 20)) await fleet.revoke(id);
    await Promise.all(doomed.map(untilClosed));
    expect(await fleet.metric('cut_off_total', { rule: 'device_revoked' })).toBe(before + 20);
    const survivors = clients.slice(20);
    expect(survivors.every((client) => client.connected)).toBe(true);
    await Promise.all(
      survivors.map((client, index) =>
        client.publishAsync(`devices/row-${index + 20}/telemetry`, `alive ${index}`, { qos: 1 }),
      ),
    );
    await eventually(() => inbox.payloads.filter((payload) => payload.startsWith('alive')).length === 60);
    await Promise.all(survivors.map((client) => client.endAsync()));
  });
});
