/** What a device has sent before DISCONNECT is delivered and answered, as far as it still listens (MQTT 3.1.1 §3.14). */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generate, type Packet } from 'mqtt-packet';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe } from './inbox.ts';
import { connectPacket, RawClient } from './raw-client.ts';

const group = { group: 'anything' };
let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create();
  await fleet.applyPolicyGroup('anything', { publish: ['#'], subscribe: ['#'] });
  const keeper = await fleet.connect(await fleet.enroll('keeper', group), { clean: false });
  await subscribe(keeper, ['kept/#'], 2);
  await keeper.endAsync();
});
afterAll(() => fleet.close());

async function connected(id: string, ...packets: Packet[]): Promise<RawClient> {
  const client = await RawClient.open(fleet, await fleet.enroll(id, group));
  client.send(connectPacket(id), ...packets);
  expect(await client.connack()).toBe(0);
  return client;
}

function publish(topic: string, qos: 1 | 2, messageId: number): Packet {
  return { cmd: 'publish', topic, payload: `${messageId}`, qos, messageId, dup: false, retain: false };
}

function bytesOf(...packets: Packet[]): Buffer {
  return Buffer.concat(packets.map((packet) => generate(packet)));
}

const PUBACK_1 = [0x40, 2, 0, 1];
const PUBREC_2 = [0x50, 2, 0, 2];
const PUBCOMP_2 = [0x70, 2, 0, 2];
const disconnect: Packet = { cmd: 'disconnect' };

describe.each([
  ['nobody keeps', 'free/x'],
  ['a durable session keeps', 'kept/x'],
])('messages that %s, with DISCONNECT right behind them', (name, topic) => {
  const id = name.replaceAll(' ', '-');

  it.each(['leaves it to the broker to close', 'closes its side at once'])(
    'are acknowledged to a device that %s',
    async (way) => {
      const client = await connected(`${id}-${way.replaceAll(' ', '-')}`);
      const bytes = bytesOf(
        publish(topic, 1, 1),
        publish(topic, 2, 2),
        { cmd: 'pubrel', messageId: 2 },
        disconnect,
      );
      if (way.startsWith('closes')) client.socket.end(bytes);
      else client.send(bytes);
      await client.untilClosed();
      expect([...client.received.subarray(4)]).toEqual([...PUBACK_1, ...PUBREC_2, ...PUBCOMP_2]);
      expect(client.error).toBeUndefined();
    },
  );
});

describe('a device that says DISCONNECT', () => {
  it('is told nothing more of what others publish', async () => {
    const leaver = await connected('leaver', {
      ...{ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'later/#', qos: 0 }] },
    });
    await eventually(() => leaver.received.length > 4);
    const heard = leaver.received.length;
    const areHere = async (count: number) => (await fleet.metric('connections')) === count;
    await eventually(() => areHere(1)); // whoever was here before has left
    leaver.send(disconnect);
    await eventually(() => areHere(0));
    const source = await fleet.connect(await fleet.enroll('later', group));
    const inbox = new Inbox(source);
    await subscribe(source, ['later/#'], 1);
    await source.publishAsync('later/x', 'behind', { qos: 1 });
    await inbox.has('behind');
    await leaver.untilClosed();
    expect(leaver.received.length).toBe(heard);
    await source.endAsync();
  });
});
