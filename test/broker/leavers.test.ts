/**
 * Connections that are served no more, or not yet, and whose socket is open: when the right to be here ends, it is closed at
 * once. Each would otherwise stay for a minute here, and what was written for it could still leave.
 */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generate } from 'mqtt-packet';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
import { attempt, connectPacket, RawClient } from './raw-client.ts';
import { MQTT } from './raw-web-socket.ts';

const A_MINUTE = 60_000;
const PING = generate({ cmd: 'pingreq' });
const DISCONNECT = generate({ cmd: 'disconnect' });
const CONNACK = Buffer.from([0x20, 2, 0, 0]);

let fleet: Fleet;
beforeAll(async () => {
  const limits = {
    ...{ farewellTime: A_MINUTE, refusalTime: A_MINUTE, admissionTime: A_MINUTE },
    sessionsPerDevice: 2,
  };
  fleet = await Fleet.create({ limits, start: false });
  await fleet.startBroker({ wssPort: 0 });
});
afterAll(() => fleet.close());

/** It leaves its own side open when the broker closes its. */
function open(identity: Identity): Promise<RawClient> {
  return RawClient.open(fleet, identity, { allowHalfOpen: true });
}

async function connected(identity: Identity, clientId = identity.id): Promise<RawClient> {
  const client = await open(identity);
  client.send(connectPacket(clientId));
  expect(await client.connack()).toBe(0);
  return client;
}

/** Its session has ended; it has not closed the connection. */
async function left(identity: Identity): Promise<RawClient> {
  const client = await connected(identity);
  const ended = once(client.socket, 'end');
  client.send(DISCONNECT);
  await ended;
  return client;
}

/** Resolves when what it says finds nobody any more: an end that has been heard before is not heard again. */
async function untilCut(client: RawClient): Promise<void> {
  await eventually(() => {
    if (!client.closed) client.send(PING);
    return client.closed;
  }, A_MINUTE / 2);
}

describe('a device that has said DISCONNECT, and does not close the connection', () => {
  it.each(['revoke', 'suspend'] as const)('is cut off at once by: %s', async (way) => {
    const identity = await fleet.enroll(`left-${way}`);
    const cuts = await fleet.metric('cut_off_seconds_count');
    const client = await left(identity);
    client.send(PING);
    expect(client.closed).toBe(false);
    await fleet[way](identity.id);
    await untilCut(client);
    expect(await fleet.metric('cut_off_seconds_count')).toBe(cuts); // no session ended by it
  });

  it('is cut off when its certificate ends', async () => {
    const { client, notAfter } = await leftBriefly(600);
    await untilCut(client);
    expect(Date.now()).toBeGreaterThanOrEqual(notAfter);
  });

  /** With a certificate that lives for `life` ms, or longer where this machine does not connect within that. */
  async function leftBriefly(life: number) {
    const notAfter = Date.now() + life;
    const identity = await fleet.enroll(`left-expired-${life}`, { record: { notAfter } });
    try {
      return { client: await left(identity), notAfter };
    } catch (error) {
      if (Date.now() < notAfter) throw error;
      return leftBriefly(life * 4);
    }
  }

  it('has given its session free: it may be back, and others of the device may come', async () => {
    const identity = await fleet.enroll('left-back');
    const leavers = [await left(identity), await left(identity), await left(identity)];
    const sessions = [await connected(identity), await connected(identity, 'left-back/2')];
    expect(sessions.map(({ closed }) => closed)).toEqual([false, false]);
    await fleet.revoke('left-back');
    for (const client of [...leavers, ...sessions]) await untilCut(client);
  });
});

describe('a session that is taken over', () => {
  it('has no socket any more, whether its device closes it or not', async () => {
    const identity = await fleet.enroll('taken');
    const client = await connected(identity);
    expect(await attempt(fleet, identity, 'taken')).toBe(0);
    await untilCut(client);
  });
});

describe('a connection that is not served yet', () => {
  it('is closed where its device is revoked before it says CONNECT', async () => {
    const identity = await fleet.enroll('silent');
    const client = await RawClient.open(fleet, identity); // says nothing, and so hears of its end by that alone
    await client.ticket(); // the broker, too, has done the handshake
    await fleet.revoke('silent');
    await client.untilClosed(A_MINUTE / 2);
    expect(client.received).toHaveLength(0);
  });

  it('is closed where it has been refused, and its device is revoked then', async () => {
    const client = await open(await fleet.enroll('refused'));
    client.send(connectPacket('somebody-else'));
    expect(await client.connack()).toBe(2);
    client.send(PING);
    expect(client.closed).toBe(false);
    await fleet.revoke('refused');
    await untilCut(client);
  });
});

describe('in a WebSocket', () => {
  const FINAL = 0x80;
  const [binary, close] = [2, 8];
  const MASKED = 0x80;

  /** RFC 6455 §5.2, with a mask that changes nothing. */
  function frame(opcode: number, payload: Buffer): Buffer {
    return Buffer.concat([Buffer.from([FINAL | opcode, MASKED | payload.length, 0, 0, 0, 0]), payload]);
  }

  async function upgraded(id: string): Promise<RawClient> {
    const port = Number(new URL(fleet.wssUrl).port);
    const client = await RawClient.open({ port, ca: fleet.ca }, await fleet.enroll(id), {
      allowHalfOpen: true,
    });
    const headers = Object.entries(MQTT).map(([name, value]) => `${name}: ${value}\r\n`);
    client.send(Buffer.from(`GET /mqtt HTTP/1.1\r\nHost: localhost\r\n${headers.join('')}\r\n`));
    await eventually(() => client.received.includes('\r\n\r\n'));
    return client;
  }

  async function connectedIn(id: string): Promise<RawClient> {
    const client = await upgraded(id);
    client.send(frame(binary, generate(connectPacket(id))));
    await eventually(() => client.received.includes(CONNACK));
    return client;
  }

  // The broker waits for the closing frame before it closes its own side: so that side tells.
  it('a device that has said DISCONNECT is cut off at once', async () => {
    const client = await connectedIn('web-left');
    const before = client.received.length;
    const ended = once(client.socket, 'end');
    client.send(frame(binary, DISCONNECT));
    await eventually(() => client.received.length > before); // the broker's closing frame
    expect(client.socket.readableEnded).toBe(false);
    await fleet.revoke('web-left');
    await ended;
  });

  it('a device that has not said CONNECT is cut off at once', async () => {
    const client = await upgraded('web-silent');
    const ended = once(client.socket, 'end');
    await fleet.revoke('web-silent');
    await ended;
  });

  it('a device that has said that it closes it is cut off at once', async () => {
    const client = await connectedIn('web-closing');
    const ended = once(client.socket, 'end');
    client.send(frame(close, Buffer.from([3, 0xe8])));
    await ended;
    client.send(PING);
    expect(client.closed).toBe(false);
    await fleet.revoke('web-closing');
    await untilCut(client);
  });
});
