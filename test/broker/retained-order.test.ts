/** A message that is retained while somebody subscribes reaches them once: as new, or as what was there before. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AedesPublishPacket } from 'aedes';
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet';
import { CleanOutbox } from '../../broker/delivery/clean-outbox.ts';
import { Publication } from '../../broker/delivery/publication.ts';
import { Output } from '../../broker/front/output.ts';
import { Replay } from '../../broker/system-topics/replay.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { connectPacket, RawClient } from './raw-client.ts';
import { createStore, Line, log } from './samples.ts';

const TOPICS = 3_000;

let fleet: Fleet;
let writer: RawClient;
beforeAll(async () => {
  // Nobody has to acknowledge anything here.
  const limits = { sentMessages: 20_000, sentBytes: 64 * 1024 * 1024 };
  fleet = await Fleet.create({
    limits: { ...limits, retainedMessages: 10_000, retainedBytes: limits.sentBytes },
  });
  await fleet.applyPolicyGroup('anything', {
    publish: ['#'],
    subscribe: ['#'],
    limits: { messagesPerSecond: 1_000_000, bytesPerSecond: '900MB' },
  });
  writer = await connected('writer', true);
  const topics = Array.from({ length: TOPICS }, (_, index) => `many/${index}`);
  writer.send(Buffer.concat(topics.map((topic) => generate(retain(topic, '0')))));
  await answered(writer);
});
afterAll(() => fleet.close());

async function connected(id: string, clean: boolean): Promise<RawClient> {
  const client = await RawClient.open(fleet, await fleet.enroll(id, { group: 'anything' }));
  client.send(connectPacket(id, { clean }));
  expect(await client.connack()).toBe(0);
  return client;
}

function retain(topic: string, payload: string, qos: 0 | 1 = 0): Packet {
  return { cmd: 'publish', topic, payload, qos, messageId: 7, dup: false, retain: true };
}

function subscribing(filters: readonly string[], qos: 0 | 1): Packet {
  return { cmd: 'subscribe', messageId: 1, subscriptions: filters.map((topic) => ({ topic, qos })) };
}

function packetsIn({ received }: RawClient): Packet[] {
  const found: Packet[] = [];
  const reading = parser({ protocolVersion: 4 });
  reading.on('packet', (packet) => found.push(packet));
  reading.parse(received);
  return found;
}

function publishedIn(client: RawClient, topic = ''): string[] {
  const found = packetsIn(client).filter((packet): packet is IPublishPacket => packet.cmd === 'publish');
  return found
    .filter((packet) => packet.topic.startsWith(topic))
    .map(({ topic: name, payload, retain }) => `${name} ${payload}${retain ? ' retained' : ''}`);
}

/** All that it has sent before is done. */
async function answered(client: RawClient): Promise<void> {
  const pings = () => packetsIn(client).filter(({ cmd }) => cmd === 'pingresp').length;
  const before = pings();
  client.send({ cmd: 'pingreq' });
  await eventually(() => pings() > before);
}

const kinds: [string, boolean, 0 | 1][] = [
  ['clean session, QoS 0', true, 0],
  ['clean session, QoS 1', true, 1],
  ['durable session, QoS 0', false, 0],
  ['durable session, QoS 1', false, 1],
];

describe.each(kinds)('to a %s', (name, clean, qos) => {
  const id = name.replaceAll(/\W+/g, '-');

  it('that subscribes, what it retains before and behind that comes once each', async () => {
    const client = await connected(id, clean);
    const filters = ['many/#', `${id}/none`, `${id}/a/#`, `${id}/b/#`];
    client.send(
      Buffer.concat([
        generate(retain(`${id}/a/x`, 'before', qos)),
        generate(retain(`${id}/b/x`, 'replaced', qos)),
        generate(subscribing(filters, qos)),
        generate(retain(`${id}/b/x`, 'behind', qos)),
        generate(retain(`${id}/a/y`, 'behind', qos)),
      ]),
    );
    await eventually(() => publishedIn(client).some((text) => text.endsWith('before retained')));
    await answered(client);
    expect(publishedIn(client, id).sort()).toEqual([
      `${id}/a/x before retained`,
      `${id}/a/y behind`,
      `${id}/b/x behind`,
    ]);
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: filters });
    await client.end();
  });

  it('everything comes once and in order while others go on to change it', async () => {
    const client = await connected(`${id}-storm`, clean);
    client.send(subscribing([`${id}/none`, 'many/#'], qos));
    for (let round = 1; round <= 20; round++) {
      for (let index = 0; index < TOPICS; index += 100) {
        writer.send(retain(`many/${index}`, `${id} ${round}`, qos));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await answered(writer);
    await eventually(() => publishedIn(client, 'many/2900').some((text) => text.endsWith(' 20')));
    await eventually(
      () => new Set(packetsIn(client).map((packet) => (packet as IPublishPacket).topic)).size > TOPICS,
    );
    const texts = publishedIn(client, 'many/');
    expect(new Set(texts.map((text) => text.replace(' retained', ''))).size).toBe(texts.length);
    for (let index = 0; index < TOPICS; index += 100) {
      const mine = texts.filter((text) => text.startsWith(`many/${index} `));
      // What is there from before comes first, if it comes at all.
      expect(mine.slice(1).filter((text) => text.endsWith('retained'))).toEqual([]);
      expect(mine.at(-1)).toMatch(/ 20( retained)?$/);
    }
    client.socket.destroy();
  });
});

describe('a session that unsubscribes at once', () => {
  it('is handed nothing behind UNSUBACK [MQTT-3.10.4-2]', async () => {
    const client = await connected('regretful', true);
    client.send(
      Buffer.concat([
        generate(subscribing(['many/#'], 0)),
        generate({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['many/#'] }),
        generate({ cmd: 'pingreq' }),
      ]),
    );
    await eventually(() => packetsIn(client).some(({ cmd }) => cmd === 'pingresp'));
    await answered(client);
    const kinds = packetsIn(client).map(({ cmd }) => cmd);
    expect(kinds.lastIndexOf('publish')).toBeLessThan(kinds.indexOf('unsuback'));
    expect(publishedIn(client).length).toBeLessThan(TOPICS);
    await client.end();
  });
});

describe('a session that has no room now', () => {
  it('is not given later what has been replaced meanwhile', async () => {
    const store = createStore();
    const packet = (topic: string, payload: string): AedesPublishPacket => ({
      ...{ cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain: true, dup: false },
      ...{ brokerId: '', brokerCounter: 0 },
    });
    for (const topic of ['t/1', 't/2', 't/3', 't/4']) store.retained.store('dev', packet(topic, 'old'));
    const line = new Line();
    const output = new Output({ socket: line, drainTime: 60_000, onStalled: () => {} });
    const outbox = new CleanOutbox({
      ...{ output, judge: () => 'deliver', onOverflow: () => {}, drainTime: 60_000 },
      ...{ window: { sentMessages: 1, sentBytes: 1_000 }, most: { messages: 10, bytes: 10_000 } },
    });
    new Replay({ sources: [], store, log }).begin(
      [{ topic: 't/+', qos: 1 }],
      outbox,
      store.retained.lastNumber,
    );
    for (const topic of ['t/1', 't/2', 't/3', 't/4']) {
      store.retained.store('dev', packet(topic, 'new'));
      outbox.deliver(Publication.of({ topic, payload: Buffer.from('new'), qos: 1 }), 1);
    }
    for (let id = 1; id < 9; id++) {
      outbox.acknowledge(id);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const payloads: string[] = [];
    const reading = parser({ protocolVersion: 4 });
    reading.on('packet', (sent) =>
      payloads.push(`${(sent as IPublishPacket).topic} ${(sent as IPublishPacket).payload}`),
    );
    reading.parse(line.sent);
    const last = new Map(payloads.map((text) => text.split(' ') as [string, string]));
    expect([...last.values()]).toEqual(['new', 'new', 'new', 'new']);
    expect(payloads.length).toBeLessThan(8);
    outbox.close();
  });
});
