/** What a device sees on the wire where MQTT 3.1.1 leaves a broker no choice, and where one would lose messages by another. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { connectPacket, RawClient } from './raw-client.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create();
  await fleet.applyPolicyGroup('anything', { publish: ['#'], subscribe: ['#'] });
});
afterAll(() => fleet.close());

/** After the handshake, and before CONNECT. */
async function open(id: string): Promise<RawClient> {
  return RawClient.open(fleet, await fleet.enroll(id, { group: 'anything' }));
}

async function connected(id: string): Promise<RawClient> {
  const client = await open(id);
  client.send(connectPacket(id));
  expect(await client.connack()).toBe(0);
  return client;
}

function packetsIn({ received }: RawClient): Packet[] {
  const packets: Packet[] = [];
  parser()
    .on('packet', (packet: Packet) => packets.push(packet))
    .parse(Buffer.from(received));
  return packets;
}

function publishedIn(client: RawClient): IPublishPacket[] {
  return packetsIn(client).filter((packet) => packet.cmd === 'publish');
}

const subscribing = (...subscriptions: { topic: string; qos: 0 | 1 | 2 }[]): Packet => ({
  ...{ cmd: 'subscribe', messageId: 9, subscriptions },
});

function publishing(topic: string, payload: string, qos: 0 | 1 | 2): Packet {
  return { cmd: 'publish', topic, payload, qos, messageId: 5, dup: false, retain: false };
}

/** A text of MQTT, whose bytes need not be UTF-8. */
function field(bytes: readonly number[]): Buffer {
  return Buffer.from([bytes.length >> 8, bytes.length & 0xff, ...bytes]);
}

function packet(first: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([first, body.length]), body]);
}

/** What mqtt-packet would not write. */
function connectBytes(flags: number, ...fields: Buffer[]): Buffer {
  return packet(0x10, field([...Buffer.from('MQTT')]), Buffer.from([4, flags, 0, 60]), ...fields);
}

function pubrel(): Buffer {
  return generate({ cmd: 'pubrel', messageId: 5 });
}

describe('CONNACK', () => {
  it('comes before anything that waited for the session, and says that there is one [MQTT-3.2.0-1]', async () => {
    const identity = await fleet.enroll('waited', { group: 'anything' });
    const first = await RawClient.open(fleet, identity);
    first.send(connectPacket('waited', { clean: false }), subscribing({ topic: 'waited/#', qos: 1 }));
    await eventually(() => packetsIn(first).some(({ cmd }) => cmd === 'suback'));
    await first.end();
    const source = await connected('waited-source');
    for (const payload of ['1', '2', '3']) source.send(publishing('waited/x', payload, 1));
    await eventually(() => packetsIn(source).filter(({ cmd }) => cmd === 'puback').length === 3);
    await source.end();

    const again = await RawClient.open(fleet, identity);
    // It does not wait for CONNACK either, as §3.1.4 lets it.
    again.send(connectPacket('waited', { clean: false }), publishing('waited/x', '4', 0));
    await eventually(() => publishedIn(again).length === 4);
    expect([...again.received.subarray(0, 4)]).toEqual([0x20, 2, 1, 0]);
    const inOrder = publishedIn(again).filter(({ qos }) => qos === 1);
    expect(inOrder.map(({ payload }) => String(payload))).toEqual(['1', '2', '3']);
    await again.end();
  });

  it('says that there is a session also where that has no subscriptions, and none where it was cleared [MQTT-3.2.2-2]', async () => {
    const identity = await fleet.enroll('no-filters', { group: 'anything' });
    const present: number[] = [];
    for (const clean of [false, false, true, false, false]) {
      const client = await RawClient.open(fleet, identity);
      client.send(connectPacket('no-filters', { clean }));
      expect(await client.connack()).toBe(0);
      present.push(client.received.readUInt8(2));
      await client.end();
    }
    expect(present).toEqual([0, 1, 0, 0, 1]);
  });

  it.each([true, false])('refuses an empty client id, clean session %s [MQTT-3.1.3-8]', async (clean) => {
    const client = await open(`nameless-${clean}`);
    client.send(connectBytes(clean ? 0x02 : 0x00, field([])));
    expect(await client.connack()).toBe(2);
    await client.untilClosed();
  });

  it('does not wait for a timer of TCP: the tickets of TLS 1.3 leave before it', async () => {
    const identity = await fleet.enroll('prompt', { group: 'anything' });
    const times: number[] = [];
    // One that is quick is enough: a busy machine makes others slow, and Nagle's algorithm each of them.
    while (times.length < 10 || (Math.min(...times) >= 35 && times.length < 100)) {
      const client = await RawClient.open(fleet, identity);
      const began = performance.now();
      client.send(connectPacket('prompt'));
      await client.connack();
      times.push(performance.now() - began);
      await client.end();
    }
    // It would cost 40 ms against a delayed acknowledgement.
    expect(Math.min(...times)).toBeLessThan(35);
  });
});

describe('SUBACK', () => {
  it('says what is granted, and nothing is delivered with more [MQTT-3.8.4-6]', async () => {
    const client = await connected('levels');
    client.send(
      subscribing({ topic: 'l/0/+', qos: 0 }, { topic: 'l/1/#', qos: 1 }, { topic: 'l/2/x', qos: 2 }),
    );
    const answer = await eventually(() => packetsIn(client).find(({ cmd }) => cmd === 'suback'));
    expect(answer).toMatchObject({ granted: [0, 1, 2] });
    const source = await connected('levels-source');
    for (const level of [0, 1, 2]) source.send(publishing(`l/${level}/x`, String(level), 2), pubrel());
    await eventually(() => publishedIn(client).length === 3);
    const levels = publishedIn(client).map(({ topic, qos }) => `${topic} ${qos}`);
    expect(levels.sort()).toEqual(['l/0/x 0', 'l/1/x 1', 'l/2/x 2']);
    await client.end();
    await source.end();
  });
});

/** A server may let it pass (§1.5.3), and in a filter it does no harm. */
const MERELY_UNWANTED = 'a control character (§1.5.3)';
const forbidden: Record<string, readonly number[]> = {
  'U+0000 [MQTT-1.5.3-2]': [0x61, 0x00],
  [MERELY_UNWANTED]: [0x61, 0x07],
  'half of a surrogate pair [MQTT-1.5.3-1]': [0x61, 0xed, 0xa0, 0x80],
  'bytes that are no UTF-8 [MQTT-1.5.3-1]': [0x61, 0xff],
};

describe.each(Object.entries(forbidden))('%s', (name, bytes) => {
  const id = `odd-${Object.keys(forbidden).indexOf(name)}`;

  it('in a topic ends the connection, and is not acknowledged', async () => {
    const client = await connected(`${id}-topic`);
    client.send(packet(0x32, field(bytes), Buffer.from([0, 1, 0x78])));
    await client.untilClosed();
    expect(packetsIn(client).map(({ cmd }) => cmd)).toEqual(['connack']);
    await fleet.logged('denied', 'topic_name_invalid');
  });

  it.each(['SUBSCRIBE', 'UNSUBSCRIBE'])(
    'in a filter of %s ends the connection, unless it might be',
    async (type) => {
      const client = await connected(`${id}-${type}`);
      client.send(
        type === 'SUBSCRIBE'
          ? packet(0x82, Buffer.from([0, 1]), field(bytes), Buffer.from([1]))
          : packet(0xa2, Buffer.from([0, 1]), field(bytes)),
        { cmd: 'pingreq' },
      );
      await eventually(() => packetsIn(client).some(({ cmd }) => cmd === 'pingresp') || client.closed);
      const answers = packetsIn(client).slice(1);
      if (name !== MERELY_UNWANTED) expect(answers).toEqual([]);
      else if (type === 'SUBSCRIBE') expect(answers[0]).toMatchObject({ cmd: 'suback', granted: [128] });
      else expect(answers[0]).toMatchObject({ cmd: 'unsuback' });
      client.socket.destroy();
    },
  );

  it.each(['client id', 'topic of the will'])('in the %s is refused with the connection', async (where) => {
    const client = await open(`${id}-${where.replaceAll(' ', '-')}`);
    const own = [...Buffer.from(`${id}-${where.replaceAll(' ', '-')}`)];
    client.send(
      where === 'client id'
        ? connectBytes(0x02, field([...own, 0x2f, ...bytes]))
        : connectBytes(0x06, field(own), field(bytes), field([0x78])),
    );
    expect(await client.connack()).not.toBe(0);
    await client.untilClosed();
  });
});
