/** Places and memory that a connection takes before it is admitted. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { BrokerLimits } from '../../broker/limits.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { attempt, connectPacket, RawClient } from './raw-client.ts';

let fleet: Fleet;
afterEach(() => fleet.close());

async function start(limits: Partial<BrokerLimits>): Promise<void> {
  fleet = await Fleet.create({ limits });
}

async function openPlainly(): Promise<Socket> {
  const socket = connect(fleet.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

describe('a device that does not stand', () => {
  it('is refused before it says CONNECT, and nothing of what it says is kept', async () => {
    await start({ admissionTime: 60_000 });
    const identity = await fleet.enroll('dev-1');
    await fleet.revoke('dev-1');
    const client = await RawClient.open(fleet, identity);
    await eventually(async () => (await fleet.refusals('device_revoked')) === 1);
    client.send(connectPacket('dev-1', { username: 'x'.repeat(60_000) }));
    expect(await client.connack()).toBe(5);
    await client.untilClosed();
  });
});

describe('a device that stands when it arrives', () => {
  it('is refused where it does not any more when it says CONNECT', async () => {
    await start({});
    const notAfter = Date.now() + 300;
    const identity = await fleet.enroll('dev-1', { record: { notAfter } });
    const client = await RawClient.open(fleet, identity);
    await eventually(() => Date.now() > notAfter);
    client.send(connectPacket('dev-1'));
    expect(await client.connack()).toBe(5);
    expect(await fleet.refusals('certificate_expired')).toBe(1);
  });
});

describe('connections of one device that are arriving', () => {
  it('are as many as its sessions, and those of others do not count', async () => {
    await start({ sessionsPerDevice: 2 });
    const [identity, other] = [await fleet.enroll('dev-1'), await fleet.enroll('dev-10')];
    const waiting = [await RawClient.open(fleet, identity), await RawClient.open(fleet, identity)];
    const third = await RawClient.open(fleet, identity);
    await third.untilClosed();
    expect(await fleet.refusals('connection_limit')).toBe(1);
    expect(await fleet.logged('connection refused', 'connection_limit')).toMatchObject({ device: 'dev-1' });
    expect(await attempt(fleet, other, 'dev-10')).toBe(0);
    waiting[0]?.socket.destroy();
    await waiting[0]?.untilClosed();
    await eventually(async () => (await attempt(fleet, identity, 'dev-1')) === 0);
    waiting[1]?.socket.destroy();
  });
});

describe('connections of one address of which nothing is known', () => {
  it('are bounded before and during the handshake, and so are those that wait', async () => {
    await start({ unprovenPerAddress: 2, waitingPerAddress: 1 });
    const silent = [await openPlainly(), await openPlainly()];
    const identity = await fleet.enroll('dev-1');
    const waiting = attempt(fleet, identity, 'dev-1');
    // Accepted in the order they came: the broker knows of the one that waits when it has turned away the next.
    await once(await openPlainly(), 'close');
    expect(await fleet.refusals('connection_limit')).toBe(1);
    await fleet.logged('connection refused', 'connection_limit');

    silent[0]?.destroy();
    expect(await waiting).toBe(0);
    silent[1]?.destroy();
  });

  it('wait no longer than they may', async () => {
    await start({ unprovenPerAddress: 1, waitingTime: 100 });
    const silent = await openPlainly();
    await once(await openPlainly(), 'close');
    expect(await fleet.logged('connection refused', 'connection_limit')).toMatchObject({
      address: '127.0.0.1',
    });
    expect(silent.destroyed).toBe(false);
    silent.destroy();
  });

  it('are bounded after the handshake too, as long as the registry has not spoken for them', async () => {
    await start({ unprovenPerAddress: 2, refusalTime: 60_000, waitingTime: 100 });
    const strangers = [await RawClient.open(fleet, null), await RawClient.open(fleet, null)];
    await once(await openPlainly(), 'close');
    for (const { socket } of strangers) socket.destroy();
  });

  it('do not include those that the registry stands behind', async () => {
    await start({ unprovenPerAddress: 1, admissionTime: 60_000 });
    const sessions: RawClient[] = [];
    for (const id of ['dev-1', 'dev-2', 'dev-3']) {
      const client = await RawClient.open(fleet, await fleet.enroll(id));
      client.send(connectPacket(id));
      expect(await client.connack()).toBe(0);
      sessions.push(client);
    }
    for (const { socket } of sessions) socket.destroy();
  });
});
