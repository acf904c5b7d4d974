/** More retained messages than the queue of a durable session holds: it gets them as it acknowledges, and none pushes another out. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe } from './inbox.ts';
import { connectPacket, RawClient } from './raw-client.ts';

const TOPICS = 500;
const QUEUE = 100;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create({ limits: { queueMessages: QUEUE, sentMessages: 20 } });
  await fleet.applyPolicyGroup('anything', {
    publish: ['#'],
    subscribe: ['#'],
    limits: { messagesPerSecond: 100_000, bytesPerSecond: '100MB' },
  });
  const writer = await fleet.connect(await fleet.enroll('writer', { group: 'anything' }));
  const topics = Array.from({ length: TOPICS }, (_, index) => `many/${index}`);
  await Promise.all(topics.map((topic) => writer.publishAsync(topic, 'kept', { qos: 1, retain: true })));
  await writer.endAsync();
});
afterAll(() => fleet.close());

it.each([1, 2] as const)('with QoS %s', async (qos) => {
  const identity = await fleet.enroll(`reader-${qos}`, { group: 'anything' });
  const reader = await fleet.connect(identity, { clean: false });
  const inbox = new Inbox(reader);
  await subscribe(reader, 'many/#', qos);
  await eventually(() => inbox.messages.length === TOPICS);
  expect(new Set(inbox.messages.map(({ topic }) => topic)).size).toBe(TOPICS);
  expect(await fleet.metric('queue_dropped_total')).toBe(0);
  await reader.endAsync();
});

it('whoever acknowledges nothing has room in its queue for what is new', async () => {
  const identity = await fleet.enroll('stuck', { group: 'anything' });
  const stuck = await RawClient.open(fleet, identity);
  stuck.send(connectPacket('stuck', { clean: false }));
  expect(await stuck.connack()).toBe(0);
  const subscriptions = ['new/#', 'many/#'].map((topic) => ({ topic, qos: 1 }) as const);
  stuck.send({ cmd: 'subscribe', messageId: 1, subscriptions });
  const writer = await fleet.connect(await fleet.enroll('writer-2', { group: 'anything' }));
  await eventually(() => stuck.received.includes('many/'));
  await writer.publishAsync('new/one', 'new', { qos: 1 });
  await Promise.all([stuck.end(), writer.endAsync()]);
  const inbox = new Inbox(fleet.client(identity, { clean: false }));
  await inbox.has('new');
  expect(await fleet.metric('queue_dropped_total')).toBe(0);
});
