import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { generate } from 'mqtt-packet';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';
import { connectPacket, RawClient } from './raw-client.ts';
import { ask, MQTT, RawWebSocket } from './raw-web-socket.ts';

const MESSAGE_BYTES = 10_000;

let fleet: Fleet;
let backend: MqttClient;
let inbox: Inbox;
beforeAll(async () => {
  fleet = await Fleet.create({
    limits: { webSocketMessageBytes: MESSAGE_BYTES },
    start: false,
  });
  await fleet.startBroker({ wssPort: 0 });
  await fleet.applyPolicyGroup('backends', { publish: ['#'], subscribe: ['#'] });
  await fleet.applyPolicyGroup('slow', { publish: ['slow/#'], limits: { messagesPerSecond: 20 } });
  backend = await fleet.connect(await fleet.enroll('backend', { group: 'backends' }));
  inbox = new Inbox(backend);
  await subscribe(backend, ['devices/+/telemetry/#', 'slow/#']);
});
afterAll(() => fleet.close());

function telemetry(id: string, payload: string): Buffer {
  const topic = `devices/${id}/telemetry`;
  return generate({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false });
}

describe('a device in a WebSocket', () => {
  it('publishes, subscribes and comes back to its session', async () => {
    const identity = await fleet.enroll('web-1');
    const client = await fleet.connectByWebSocket(identity, { clean: false });
    await subscribe(client, ['devices/web-1/commands/#'], 1);
    await client.publishAsync('devices/web-1/telemetry', 'from a WebSocket', { qos: 2 });
    await inbox.has('from a WebSocket');
    const commands = new Inbox(client);
    await backend.publishAsync('devices/web-1/commands/x', 'to a WebSocket', { qos: 1 });
    await commands.has('to a WebSocket');
    await client.endAsync();
    await backend.publishAsync('devices/web-1/commands/x', 'kept', { qos: 1 });
    // The same session, on the other listener.
    const plain = fleet.client(identity, { clean: false });
    const later = new Inbox(plain);
    await later.has('kept');
    await plain.endAsync();
  });

  it('is cut off at once when it is revoked, and its resumed TLS session is refused', async () => {
    const identity = await fleet.enroll('web-2');
    const client = await fleet.connectByWebSocket(identity);
    await fleet.revoke('web-2');
    await untilClosed(client);
    expect(await fleet.logged('session cut off', 'device_revoked')).toMatchObject({ device: 'web-2' });
    const [status, text] = await ask(fleet, identity, { headers: MQTT });
    expect([status, text]).toEqual([403, expect.stringMatching(/^device_revoked: /)]);
  });

  it('takes over, and is taken over by, a session on the other listener', async () => {
    const identity = await fleet.enroll('web-3');
    const web = await fleet.connectByWebSocket(identity);
    const plain = await fleet.connect(identity);
    await untilClosed(web);
    const again = await fleet.connectByWebSocket(identity);
    await untilClosed(plain);
    await again.endAsync();
  });

  it('hears of a wrong client id by CONNACK', async () => {
    const client = await RawWebSocket.open(fleet, await fleet.enroll('web-4'));
    client.webSocket.send(generate(connectPacket('somebody-else')));
    expect(await client.untilClosed()).toBe(1000);
    expect(client.received).toEqual(Buffer.from([0x20, 2, 0, 2]));
  });

  it('is held back, in order and with no loss, beyond its messages a second', async () => {
    const client = await RawWebSocket.connected(fleet, 'web-5', 'slow');
    for (let count = 0; count < 40; count++) {
      const payload = `held ${count}`;
      client.webSocket.send(
        generate({ cmd: 'publish', topic: 'slow/x', payload, qos: 0, dup: false, retain: false }),
      );
    }
    await inbox.has('held 39');
    const held = inbox.payloads.filter((payload) => payload.startsWith('held'));
    expect(held).toEqual(Array.from({ length: 40 }, (_, count) => `held ${count}`));
    client.webSocket.close();
    await client.untilClosed();
  });

  it('is given a large message as it was sent', async () => {
    const client = await fleet.connectByWebSocket(await fleet.enroll('web-6', { group: 'backends' }));
    const large = new Promise<Buffer>((resolve) => client.on('message', (_, payload) => resolve(payload)));
    await subscribe(client, ['large']);
    const payload = Buffer.alloc(100_000, 'large ');
    await backend.publishAsync('large', payload, { qos: 1 });
    expect((await large).equals(payload)).toBe(true);
    await client.endAsync();
  });
});

describe('frames', () => {
  it('may hold several packets, and packets may go over several of them [MQTT-6.0.0-2]', async () => {
    const client = await RawWebSocket.open(fleet, await fleet.enroll('frames-1'));
    const all = Buffer.concat([
      generate(connectPacket('frames-1')),
      telemetry('frames-1', 'one'),
      telemetry('frames-1', 'two'),
    ]);
    for (let start = 0; start < all.length; start += 7) client.webSocket.send(all.subarray(start, start + 7));
    client.webSocket.send(Buffer.concat([telemetry('frames-1', 'three'), telemetry('frames-1', 'four')]));
    for (const payload of ['one', 'two', 'three', 'four']) await inbox.has(payload);
    client.webSocket.close(1000);
    await client.untilClosed();
  });

  it('may be fragments of one message', async () => {
    const client = await RawWebSocket.connected(fleet, 'frames-2');
    const packet = telemetry('frames-2', 'in fragments');
    client.webSocket.send(packet.subarray(0, 5), { fin: false });
    client.webSocket.send(packet.subarray(5), { fin: true });
    await inbox.has('in fragments');
    client.webSocket.close();
  });

  it('of text end the connection [MQTT-6.0.0-1], before CONNECT or after', async () => {
    const early = await RawWebSocket.open(fleet, await fleet.enroll('frames-3'));
    early.webSocket.send('text');
    expect(await early.untilClosed()).toBe(1003);
    const late = await RawWebSocket.connected(fleet, 'frames-4');
    late.webSocket.send('text');
    expect(await late.untilClosed()).toBe(1003);
    await fleet.logged('session cut off', 'websocket_refused');
  });

  it('that make up too long a message end the connection, before all of it is here', async () => {
    const client = await RawWebSocket.connected(fleet, 'frames-5');
    client.webSocket.send(Buffer.alloc(MESSAGE_BYTES), { fin: false });
    client.webSocket.send(Buffer.alloc(1), { fin: false });
    expect(await client.untilClosed()).toBe(1009);
  });

  it('of ping are answered, and a flood of them ends the connection', async () => {
    const client = await RawWebSocket.connected(fleet, 'frames-6');
    let pongs = 0;
    client.webSocket.on('pong', () => pongs++).ping();
    await eventually(() => pongs === 1);
    for (let count = 0; count < 200; count++) client.webSocket.ping();
    expect(await client.untilClosed()).toBe(1008);
    expect(pongs).toBeLessThan(100);
  });

  it('that are empty end the connection in numbers', async () => {
    const client = await RawWebSocket.connected(fleet, 'frames-7');
    for (let count = 0; count < 200; count++) client.webSocket.send(Buffer.alloc(0));
    expect(await client.untilClosed()).toBe(1008);
  });
});

/** What follows it on the same socket is for the caller to say. */
function upgradeRequest(): Buffer {
  const headers = Object.entries({ Host: 'localhost', ...MQTT }).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(['GET /mqtt HTTP/1.1', ...headers, '', ''].join('\r\n'));
}

/** Masked by zeros, as a client's frames must be masked (RFC 6455 §5.3). */
function frame(first: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

describe('frames that come with the request, and do not wait for its answer', () => {
  const open = async (id: string) => {
    const port = Number(new URL(fleet.wssUrl).port);
    return RawClient.open(fleet, await fleet.enroll(id), { port });
  };

  it('are read', async () => {
    const client = await open('early-1');
    client.send(Buffer.concat([upgradeRequest(), frame(0x82, generate(connectPacket('early-1')))]));
    const connack = Buffer.from([0x82, 4, 0x20, 2, 0, 0]);
    await eventually(() => client.received.subarray(-connack.length).equals(connack));
    client.socket.destroy();
  });

  it.each([
    ['with a reserved bit', 0xc2, 1002],
    ['of an opcode that there is not', 0x83, 1002],
    ['of text', 0x81, 1003],
  ])('end the connection, and nobody else’s, where they are malformed: %s', async (_, first, code) => {
    const client = await open(`early-${first}`);
    client.send(Buffer.concat([upgradeRequest(), frame(first, Buffer.from('x'))]));
    await client.untilClosed();
    const closing = client.received.lastIndexOf(0x88);
    expect(client.received.readUInt16BE(closing + 2)).toBe(code);
    expect(backend.connected).toBe(true);
  });
});
