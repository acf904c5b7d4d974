/** Messages as devices see them: what they may rely on, whoever else is there. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { StrictClient } from '../sessions/strict-client.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';
import { connectPacket, packetsIn, publishedIn, RawClient } from './raw-client.ts';

const WINDOW = 8;
const group = { group: 'anything' };

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create({ limits: { sentMessages: WINDOW, drainTime: 1_000 } });
  await fleet.applyPolicyGroup('anything', {
    publish: ['#'],
    subscribe: ['#'],
    limits: { messagesPerSecond: 1_000_000, bytesPerSecond: '900MB' },
  });
});
afterAll(() => fleet.close());

async function raw(id: string, ...packets: Packet[]): Promise<RawClient> {
  const client = await RawClient.open(fleet, await fleet.enroll(id, group));
  client.send(connectPacket(id), ...packets);
  expect(await client.connack()).toBe(0);
  return client;
}

async function connect(id: string, clean = true) {
  const client = await fleet.connect(await fleet.enroll(id, group), { clean });
  return { client, inbox: new Inbox(client) };
}

function publish(topic: string, payload: string, qos: 0 | 1 | 2 = 0, messageId = 1): Packet {
  return { cmd: 'publish', topic, payload, qos, messageId, dup: false, retain: false };
}

function subscribing(topic: string, qos: 0 | 1 | 2): Packet {
  return { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] };
}

describe('a device that subscribes and publishes in one breath', () => {
  it('gets its own message, and none from before and after', async () => {
    const client = await raw('echo');
    client.send(
      Buffer.concat(
        [
          publish('echo/x', 'before'),
          subscribing('echo/#', 1),
          publish('echo/x', 'between', 1, 7),
          { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['echo/#'] } as Packet,
          publish('echo/x', 'behind'),
          { cmd: 'pingreq' } as Packet,
        ].map((packet) => generate(packet)),
      ),
    );
    await eventually(() => packetsIn(client).some(({ cmd }) => cmd === 'pingresp'));
    expect(publishedIn(client).map(({ payload }) => String(payload))).toEqual(['between']);
    const order = packetsIn(client).map(({ cmd }) => cmd);
    expect(order.indexOf('suback')).toBeLessThan(order.indexOf('publish'));
    await client.end();
  });
});

describe('overlapping subscriptions of a clean session', () => {
  it('bring a message once, with the highest QoS of those that match', async () => {
    const { client, inbox } = await connect('overlap');
    const levels: string[] = [];
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'publish') levels.push(`${packet.payload} ${packet.qos}`);
    });
    await subscribe(client, ['over/#'], 0);
    await subscribe(client, ['over/+'], 2);
    await subscribe(client, ['over/x'], 1);
    const writer = await connect('overlap-writer');
    await writer.client.publishAsync('over/x', 'two', { qos: 2 });
    await writer.client.publishAsync('over/x', 'one', { qos: 1 });
    await writer.client.publishAsync('over/x/y', 'deep', { qos: 2 });
    await client.unsubscribeAsync('over/+');
    await writer.client.publishAsync('over/x', 'left', { qos: 2 });
    await inbox.has('left');
    expect(levels).toEqual(['two 2', 'one 1', 'deep 0', 'left 1']);
  });

  it('of a session that ends leave nothing that is served', async () => {
    const { client } = await connect('leaver');
    await subscribe(client, ['leave/#', 'leave/+'], 1);
    await client.endAsync();
    const { client: again, inbox } = await connect('stayer');
    await subscribe(again, ['leave/x'], 1);
    await again.publishAsync('leave/x', 'heard', { qos: 1 });
    await inbox.has('heard');
  });
});

describe('a clean session that acknowledges nothing', () => {
  it('gets the window and no more, and others go on', async () => {
    const silent = await raw('silent', subscribing('flow/#', 1));
    const { client, inbox } = await connect('diligent');
    await subscribe(client, ['flow/#'], 1);
    const writer = await connect('flow-writer');
    for (let count = 1; count <= 3_000; count++) writer.client.publish('flow/x', `${count}`, { qos: 1 });
    await inbox.has('3000');
    expect(inbox.payloads).toEqual(Array.from({ length: 3_000 }, (_, index) => `${index + 1}`));
    expect(publishedIn(silent)).toHaveLength(WINDOW);
    expect(silent.closed).toBe(false);
    await silent.end();
  });

  it('does not keep its own device from acknowledging', async () => {
    const { client, inbox } = await connect('selfish');
    await subscribe(client, ['selfish/#'], 1);
    for (let count = 1; count <= 5_000; count++) client.publish('selfish/x', `${count}`, { qos: 1 });
    await inbox.has('5000');
    expect(inbox.messages).toHaveLength(5_000);
    expect(client.connected).toBe(true);
  });
});

describe('a subscriber that does not read', () => {
  it('holds up who publishes to it until it is ended, and nothing of that is lost to others', async () => {
    const stalled = await raw('stalled', subscribing('bulk/#', 0));
    await eventually(() => packetsIn(stalled).some(({ cmd }) => cmd === 'suback'));
    stalled.socket.pause();
    const before = await fleet.metric('messages_total', { direction: 'in' });
    const taken = async () => (await fleet.metric('messages_total', { direction: 'in' })) - before;
    const writer = await connect('bulk-writer');
    const connections = await fleet.metric('connections');
    const payload = Buffer.alloc(100_000);
    for (let count = 0; count < 300; count++) writer.client.publish('bulk/x', payload, { qos: 0 });
    let last = 0;
    await eventually(async () => {
      const now = await taken();
      if ((await fleet.metric('connections')) < connections) return true;
      last = now;
      return false;
    });
    expect(last).toBeLessThan(250);
    await eventually(async () => (await taken()) === 300);
    stalled.socket.destroy();
  });
});

describe('QoS 2 between clean sessions', () => {
  it('arrives once each, in order', async () => {
    const tls = async (id: string) => {
      const { key, chain } = await fleet.enroll(id, group);
      return { port: fleet.port, host: '127.0.0.1', servername: 'localhost', ca: fleet.ca, key, cert: chain };
    };
    const [reader, writer] = [
      new StrictClient({ clientId: 'once-reader', tls: await tls('once-reader'), clean: true }),
      new StrictClient({ clientId: 'once-writer', tls: await tls('once-writer'), clean: true }),
    ];
    const received: string[] = [];
    reader.onMessage = ({ payload }) => received.push(String(payload));
    await eventually(() => reader.isConnected && writer.isConnected);
    await reader.subscribe(['once/#'], 2);
    const payloads = Array.from({ length: 200 }, (_, index) => `${index}`);
    await Promise.all(payloads.map((payload) => writer.publish('once/x', payload, 2)));
    await eventually(() => received.length >= 200);
    expect(received).toEqual(payloads);
    reader.end();
    writer.end();
  });
});

describe('a will of QoS 2', () => {
  it('reaches a durable session that is away', async () => {
    const { client: away } = await connect('away', false);
    await subscribe(away, ['wills/#'], 2);
    await away.endAsync();
    const will = { topic: 'wills/x', payload: Buffer.from('lost'), qos: 2, retain: true } as const;
    const mortal = await fleet.connect(await fleet.enroll('mortal', group), { will });
    mortal.stream.destroy();
    await untilClosed(mortal);
    const { client: reader, inbox: first } = await connect('will-reader');
    await subscribe(reader, ['wills/#'], 2);
    await first.has('lost');
    const back = fleet.client(await fleet.enroll('away', group), { clean: false });
    const inbox = new Inbox(back);
    await inbox.has('lost');
    expect(inbox.messages).toEqual([{ topic: 'wills/x', payload: 'lost', retain: false }]);
  });
});

describe('hostile bytes', () => {
  const header = fc.constantFrom(
    0x30,
    0x31,
    0x32,
    0x34,
    0x36,
    0x38,
    0x3a,
    0x40,
    0x41,
    0x50,
    0x60,
    0x62,
    0x70,
    0x72,
  );
  const noise = fc.tuple(header, fc.uint8Array({ minLength: 2, maxLength: 40 }));

  it('in message packets end their own session at most, and are handed to nobody', async () => {
    const { client, inbox } = await connect('bystander');
    await subscribe(client, ['by/#'], 1);
    const identity = await fleet.enroll('hostile', { group: 'default' });
    for (const packets of fc.sample(fc.array(noise, { minLength: 1, maxLength: 5 }), {
      numRuns: 60,
      seed: 7,
    })) {
      const hostile = await RawClient.open(fleet, identity);
      hostile.send(connectPacket('hostile'));
      if ((await hostile.connack()) !== 0) continue;
      hostile.send(Buffer.concat(packets.map(([first, body]) => Buffer.from([first, body.length, ...body]))));
      hostile.socket.end();
      await hostile.untilClosed();
    }
    await client.publishAsync('by/x', 'unharmed', { qos: 2 });
    await inbox.has('unharmed');
    expect(inbox.payloads).toEqual(['unharmed']);
    expect(fleet.log.filter(({ level }) => level >= 50)).toEqual([]);
    expect(fleet.fatal).toEqual([]);
  });
});
