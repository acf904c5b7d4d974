/** What comes before admission: the first packet, its size, its time and its form. */

import { once } from 'node:events';
import { connect as connectPlainly } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generate } from 'mqtt-packet';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
import { connectPacket, RawClient } from './raw-client.ts';

let fleet: Fleet;
let identity: Identity;
beforeAll(async () => {
  fleet = await Fleet.create();
  identity = await fleet.enroll('dev-1');
});
afterAll(() => fleet.close());

async function expectSilentRefusal(rule: string, ...pieces: Buffer[]) {
  const before = await fleet.refusals(rule);
  const client = await RawClient.open(fleet, identity);
  client.send(...pieces);
  expect(await client.connack()).toBe('closed');
  expect(client.received).toHaveLength(0);
  expect(await fleet.refusals(rule)).toBe(before + 1);
  return fleet.logged('connection refused', rule);
}

const good = generate(connectPacket('dev-1'));

describe('the first packet', () => {
  it.each([
    ['PINGREQ', Buffer.from([0xc0, 0])],
    [
      'PUBLISH',
      generate({
        cmd: 'publish',
        topic: 'devices/dev-1/telemetry',
        payload: 'x',
        qos: 0,
        dup: false,
        retain: false,
      }),
    ],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['CONNECT with flag bits', Buffer.concat([Buffer.from([0x11]), good.subarray(1)])],
  ])('may not be %s', async (_, bytes) => {
    await expectSilentRefusal('connect_malformed', bytes);
  });

  it('is taken byte by byte too, and what follows it is not lost', async () => {
    const client = await RawClient.open(fleet, identity);
    for (const byte of Buffer.concat([good, generate({ cmd: 'pingreq' })])) {
      client.send(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    expect(await client.connack()).toBe(0);
    await eventually(() => client.received.subarray(4).equals(Buffer.from([0xd0, 0])));
    client.socket.destroy();
  });

  it('may not have a remaining length of five bytes', async () => {
    await expectSilentRefusal('packet_malformed', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01]));
  });

  it('is refused by its declared length, before any of it is taken in', async () => {
    const line = await expectSilentRefusal('packet_too_large', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    expect(line.detail).toContain('268435460');
  });

  it('is not cut off just below its cap', async () => {
    await fleet.applyPolicyGroup('willful', { publish: ['devices/{id}/status'] });
    const willful = await fleet.enroll('willful-1', { group: 'willful' });
    const client = await RawClient.open(fleet, willful);
    const will = {
      topic: 'devices/willful-1/status',
      payload: Buffer.alloc(60_000),
      qos: 0,
      retain: false,
    } as const;
    client.send(connectPacket('willful-1', { will }));
    expect(await client.connack()).toBe(0);
    await client.end();
  });
});

describe('the time for CONNECT', () => {
  let brief: Fleet;
  let late: Identity;
  beforeAll(async () => {
    brief = await Fleet.create({ limits: { admissionTime: 300 } });
    late = await brief.enroll('late-1');
  });
  afterAll(() => brief.close());

  it('ends for a peer that says nothing', async () => {
    const client = await RawClient.open(brief, late);
    expect(await client.connack()).toBe('closed');
    expect(client.received).toHaveLength(0);
    expect(await brief.refusals('connect_timeout')).toBe(1);
    await brief.logged('connection refused', 'connect_timeout');
  });

  it('ends for one that sends it slowly', async () => {
    const before = await brief.refusals('connect_timeout');
    const client = await RawClient.open(brief, late);
    const connect = generate(connectPacket('late-1', { username: 'x'.repeat(1_000) }));
    let sent = 0;
    const drip = setInterval(() => client.send(connect.subarray(sent, ++sent)), 20);
    try {
      expect(await client.connack()).toBe('closed');
    } finally {
      clearInterval(drip);
    }
    expect(sent).toBeGreaterThan(1);
    expect(await brief.refusals('connect_timeout')).toBe(before + 1);
  });

  it('is no refusal where the peer leaves by itself', async () => {
    const lines = fleet.log.length;
    const client = await RawClient.open(fleet, identity);
    client.socket.end();
    await client.untilClosed();
    expect(fleet.log.slice(lines).filter(({ level }) => level >= 40)).toEqual([]);
  });
});

describe('the protocol', () => {
  it('of MQTT 5 is answered in MQTT 5', async () => {
    const before = await fleet.refusals('protocol_version_unsupported');
    const client = await RawClient.open(fleet, identity);
    client.send(connectPacket('dev-1', { protocolVersion: 5 }));
    await client.untilClosed();
    expect([...client.received]).toEqual([0x20, 3, 0, 0x84, 0]);
    expect(await fleet.refusals('protocol_version_unsupported')).toBe(before + 1);
  });

  it.each([
    ['3.1', generate(connectPacket('dev-1', { protocolId: 'MQIsdp', protocolVersion: 3 }))],
    ['3.1.1 as bridges mark it', withByte(good, 8, 0x84)],
    ['of level 6', withByte(good, 8, 6)],
    ['of level 0', withByte(good, 8, 0)],
  ])('%s is answered with return code 1', async (_, bytes) => {
    const client = await RawClient.open(fleet, identity);
    client.send(bytes);
    expect(await client.connack()).toBe(1);
    await client.untilClosed();
  });

  it('needs TLS', async () => {
    const before = await fleet.refusals('tls_handshake_failed');
    const socket = connectPlainly(fleet.port, '127.0.0.1');
    socket.on('error', () => {}).resume();
    socket.write(good);
    await once(socket, 'close');
    expect(await fleet.refusals('tls_handshake_failed')).toBe(before + 1);
  });

  it('does not wait for a handshake for ever', async () => {
    const hasty = await Fleet.create({ limits: { handshakeTime: 200 } });
    const socket = connectPlainly(hasty.port, '127.0.0.1');
    socket.on('error', () => {}).resume();
    await once(socket, 'close');
    await hasty.close();
  });

  it('is TLS 1.2 at least', async () => {
    await expect(
      RawClient.open(fleet, identity, {
        minVersion: 'TLSv1.1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
    ).rejects.toThrow();
  });

  it('may be named by ALPN', async () => {
    const client = await RawClient.open(fleet, identity, { ALPNProtocols: ['mqtt'] });
    expect(client.socket.alpnProtocol).toBe('mqtt');
    client.socket.destroy();
  });
});

function withByte(bytes: Buffer, position: number, byte: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[position] = byte;
  return changed;
}
