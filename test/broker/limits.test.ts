/** What a device may send, as its policy limits it: by holding that one device back. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { eventually } from '../support/eventually.ts';
import { Fleet, type LogLine } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';
import { connectPacket, RawClient } from './raw-client.ts';

const THROTTLE_TIME = 3_000;

let fleet: Fleet;
let backend: MqttClient;
let inbox: Inbox;
beforeAll(async () => {
  fleet = await Fleet.create({ limits: { drainTime: 120_000, throttleTime: THROTTLE_TIME } });
  await fleet.applyPolicyGroup('backends', {
    publish: ['#'],
    subscribe: ['#'],
    limits: { messagesPerSecond: 10_000, bytesPerSecond: '900MB' },
  });
  backend = await fleet.connect(await fleet.enroll('backend', { group: 'backends' }));
  inbox = new Inbox(backend);
  await subscribe(backend, ['slow/#', 'devices/+/telemetry/#']);
});
afterAll(() => fleet.close());

describe('messages a second', () => {
  it('hold a flood back, and lose nothing of it', async () => {
    await fleet.applyPolicyGroup('slow', { publish: ['slow/#'], limits: { messagesPerSecond: 50 } });
    const slow = await fleet.connect(await fleet.enroll('slow-1', { group: 'slow' }));
    const throttled = await fleet.metric('throttled_total');
    const started = performance.now();
    for (let count = 0; count < 90; count++) slow.publish('slow/x', `slow ${count}`, { qos: 0 });
    await inbox.has('slow 89');
    const slowOnes = inbox.payloads.filter((payload) => payload.startsWith('slow'));
    expect(slowOnes).toEqual(Array.from({ length: 90 }, (_, index) => `slow ${index}`));
    // 50 at once and 40 at 50 a second.
    expect(performance.now() - started).toBeGreaterThan(700);
    expect(await fleet.metric('throttled_total')).toBeGreaterThan(throttled);
    await slow.endAsync();
  });

  it('hold up nobody else', async () => {
    await fleet.applyPolicyGroup('snail', { publish: ['slow/#'], limits: { messagesPerSecond: 1 } });
    const snail = await fleet.connect(await fleet.enroll('snail-1', { group: 'snail' }));
    const other = await fleet.connect(await fleet.enroll('quick-1'));
    for (let count = 0; count < 90; count++) snail.publish('slow/x', `snail ${count}`, { qos: 0 });
    await inbox.has('snail 0');
    await other.publishAsync('devices/quick-1/telemetry', 'quick', { qos: 1 });
    await inbox.has('quick');
    // A minute and more would have to go by for it.
    expect(inbox.payloads).not.toContain('snail 89');
    snail.end(true);
    await other.endAsync();
  });

  it('are not gained anew by connecting again', async () => {
    await fleet.applyPolicyGroup('tight', { publish: ['slow/#'], limits: { messagesPerSecond: 10 } });
    const identity = await fleet.enroll('tight-1', { group: 'tight' });
    const started = performance.now();
    for (let round = 0; round < 2; round++) {
      const client = await fleet.connect(identity);
      for (let count = 0; count < 9; count++) {
        await client.publishAsync('slow/z', `round ${round} ${count}`, { qos: 1 });
      }
      client.stream.destroy();
      await untilClosed(client);
    }
    expect(performance.now() - started).toBeGreaterThan(600);
  });

  it('do not keep a revocation from cutting off whoever is held back', async () => {
    const slow = await fleet.connect(await fleet.enroll('slow-2', { group: 'slow' }));
    for (let count = 0; count < 500; count++) slow.publish('slow/y', `late ${count}`, { qos: 0 });
    await inbox.has('late 10');
    await fleet.revoke('slow-2');
    await untilClosed(slow);
    expect(await fleet.logged('session cut off', 'device_revoked')).toMatchObject({ device: 'slow-2' });
    expect(inbox.payloads).not.toContain('late 499');
  });
});

describe('bytes a second', () => {
  it('hold back who sends more of them, and nobody else', async () => {
    await fleet.applyPolicyGroup('narrow', { publish: ['slow/#'], limits: { bytesPerSecond: '10KB' } });
    const narrow = await fleet.connect(await fleet.enroll('narrow-1', { group: 'narrow' }));
    const started = performance.now();
    for (const name of ['a', 'b', 'c', 'd', 'e']) narrow.publish('slow/n', name.repeat(4_096), { qos: 0 });
    await inbox.has('e'.repeat(4_096));
    // 10 KB at once, a packet over it, and the last of 20 KB half a second later at the earliest.
    expect(performance.now() - started).toBeGreaterThan(500);
    await narrow.endAsync();
  });
});

describe('a device that sends more than it may', () => {
  async function flooding(id: string, pause: number, isOver: () => boolean): Promise<MqttClient> {
    await fleet.applyPolicyGroup('flooding', { publish: ['slow/#'], limits: { messagesPerSecond: 20 } });
    const client = await fleet.connect(await fleet.enroll(id, { group: 'flooding' }));
    while (client.connected && !isOver()) {
      for (let count = 0; count < 30; count++) client.publish('slow/f', 'x', { qos: 0 });
      await delay(pause);
    }
    return client;
  }

  it('is cut off where it does so on end, and not where it keeps to its limits in between', async () => {
    let bursts = 0;
    const bursting = flooding('burster', 2_200, () => ++bursts > 2);
    await flooding('flooder', 500, () => false);
    // There may be others: what the tests above have left behind is held back still.
    const cutOff = ({ msg, rule, device }: LogLine) =>
      msg.startsWith('session cut off') && rule === 'rate_exceeded' && device === 'flooder';
    await eventually(() => fleet.log.some(cutOff));
    const burster = await bursting;
    expect(burster.connected).toBe(true);
    await burster.endAsync();
  });
});

describe('a device that leaves', () => {
  it('has what it sent before DISCONNECT delivered', async () => {
    const identity = await fleet.enroll('brief');
    const client = await RawClient.open(fleet, identity);
    client.send(connectPacket('brief'));
    await client.connack();
    for (let count = 0; count < 20; count++) {
      client.send({
        ...{ cmd: 'publish', topic: 'devices/brief/telemetry', payload: `brief ${count}` },
        ...{ qos: 0, dup: false, retain: false },
      } as const);
    }
    await client.end();
    await inbox.has('brief 19');
  });

  it('has it delivered too while it is held back', async () => {
    const client = await RawClient.open(fleet, await fleet.enroll('hasty', { group: 'slow' }));
    client.send(connectPacket('hasty'));
    await client.connack();
    for (let count = 0; count < 70; count++) {
      client.send({
        ...{ cmd: 'publish', topic: 'slow/hasty', payload: `hasty ${count}` },
        ...{ qos: 0, dup: false, retain: false },
      } as const);
    }
    client.socket.end();
    await inbox.has('hasty 69');
    expect(inbox.payloads.filter((payload) => payload.startsWith('hasty'))).toHaveLength(70);
    await client.untilClosed();
  });
});

describe('a packet', () => {
  async function connected(id: string): Promise<RawClient> {
    const client = await RawClient.open(fleet, await fleet.enroll(id));
    client.send(connectPacket(id));
    expect(await client.connack()).toBe(0);
    return client;
  }

  it('is refused by its declared length, before its body is sent', async () => {
    const client = await connected('large-1');
    client.send(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
    await client.untilClosed();
    const line = await fleet.logged('session cut off', 'packet_too_large');
    expect(line).toMatchObject({ device: 'large-1' });
  });

  it.each([
    ['a second CONNECT [MQTT-3.1.0-2]', Buffer.from([0x10, 0])],
    ['CONNACK', Buffer.from([0x20, 2, 0, 0])],
    ['AUTH', Buffer.from([0xf0, 0])],
  ])('may not be %s', async (_, bytes) => {
    const client = await connected(`odd-${bytes[0]}`);
    client.send(bytes);
    await client.untilClosed();
    await fleet.logged('session cut off', 'packet_malformed');
  });
});

describe('a subscriber that does not read', () => {
  it('holds up whoever publishes to it, and an unrelated one goes on meanwhile', async () => {
    const stalled = await RawClient.open(fleet, await fleet.enroll('stalled', { group: 'backends' }));
    stalled.send(connectPacket('stalled'), {
      ...{ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'bulk/#', qos: 0 }] },
    } as const);
    await eventually(() => stalled.received.length >= 9);
    stalled.socket.pause();

    const publisher = await fleet.connect(await fleet.enroll('publisher', { group: 'backends' }));
    const payload = Buffer.alloc(100_000);
    for (let count = 0; count < 200; count++) publisher.publish('bulk/x', payload, { qos: 0 });

    await eventually(isStuck);
    // Many small ones from elsewhere, each of them waiting for the one that does not read.
    const crowd = await fleet.connect(await fleet.enroll('crowd', { group: 'backends' }));
    for (let count = 0; count < 1_000; count++) crowd.publish('bulk/y', 'x', { qos: 0 });

    const device = await fleet.connect(await fleet.enroll('unrelated'));
    for (let count = 0; count < 20; count++) {
      await device.publishAsync('devices/unrelated/telemetry', `unrelated ${count}`, { qos: 1 });
      await inbox.has(`unrelated ${count}`);
    }
    await eventually(isStuck);
    stalled.socket.destroy();
  });
});

/** Nothing has come in for a while. */
async function isStuck(): Promise<boolean> {
  const before = await fleet.metric('messages_total', { direction: 'in' });
  await delay(100);
  return (await fleet.metric('messages_total', { direction: 'in' })) === before;
}
