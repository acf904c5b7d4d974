/** Sessions that publish to one another and have little room: nobody's acknowledgements are kept from being read by that. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { connectPacket, packetsIn, publishedIn, RawClient } from './raw-client.ts';

const WINDOW = 4;
const ROOM = 100;
/** More than a tenth of what may wait, from which on publishers do, and less than half. */
const MESSAGES = 40;

let fleet: Fleet;
beforeAll(async () => {
  // Nobody is let go on because it has waited for long.
  fleet = await Fleet.create({ limits: { sentMessages: WINDOW, waitingMessages: ROOM, drainTime: 600_000 } });
  await fleet.applyPolicyGroup('anything', {
    publish: ['#'],
    subscribe: ['#'],
    limits: { messagesPerSecond: 100_000, bytesPerSecond: '100MB' },
  });
});
afterAll(() => fleet.close());

/** It has subscribed to what is published under its name. */
async function connected(id: string): Promise<RawClient> {
  const client = await RawClient.open(fleet, await fleet.enroll(id, { group: 'anything' }));
  const subscriptions = [{ topic: `${id}/#`, qos: 1 as const }];
  client.send(connectPacket(id), { cmd: 'subscribe', messageId: 1, subscriptions });
  await eventually(() => packetsIn(client).some(({ cmd }) => cmd === 'suback'));
  return client;
}

const pubacksIn = (client: RawClient) => packetsIn(client).filter(({ cmd }) => cmd === 'puback').length;

function publishAll(from: RawClient, topic: string, count = MESSAGES): void {
  for (let messageId = 1; messageId <= count; messageId++) {
    from.send({
      cmd: 'publish',
      topic,
      payload: `${messageId}`,
      qos: 1,
      messageId,
      dup: false,
      retain: false,
    });
  }
}

/** Acknowledges what comes from here on, one after another. */
async function acknowledgeAll(client: RawClient): Promise<string[]> {
  for (let count = 0; count < MESSAGES; count++) {
    const message = await eventually(() => publishedIn(client)[count]);
    client.send({ cmd: 'puback', messageId: message.messageId ?? 0 });
  }
  return publishedIn(client).map(({ payload }) => String(payload));
}

const inOrder = Array.from({ length: MESSAGES }, (_, index) => `${index + 1}`);

it.each([2, 3])(
  'a circle of %i gets everything, though each acknowledges behind its messages',
  async (count) => {
    const clients = await Promise.all(
      Array.from({ length: count }, (_, index) => connected(`circle-${count}-${index}`)),
    );
    for (const [index, client] of clients.entries()) {
      publishAll(client, `circle-${count}-${(index + 1) % count}/x`);
    }
    expect(await Promise.all(clients.map(acknowledgeAll))).toEqual(clients.map(() => inOrder));
    await eventually(() => clients.every((client) => pubacksIn(client) === MESSAGES));
    await Promise.all(clients.map((client) => client.end()));
  },
);

it('two that acknowledge nothing are held up before anything is lost, and that harms nobody else', async () => {
  const pair = [await connected('mute-0'), await connected('mute-1')] as const;
  publishAll(pair[0], 'mute-1/x', 3 * ROOM);
  publishAll(pair[1], 'mute-0/x', 3 * ROOM);
  const bystander = await connected('bystander');
  publishAll(bystander, 'bystander/x');
  expect(await acknowledgeAll(bystander)).toEqual(inOrder);
  await eventually(() => pair.every((client) => pubacksIn(client) > ROOM / 2));
  for (const client of pair) expect(pubacksIn(client)).toBeLessThan(ROOM);
  expect(await fleet.metric('queue_dropped_total')).toBe(0);
  await bystander.end();
  for (const { socket } of pair) socket.destroy();
});
