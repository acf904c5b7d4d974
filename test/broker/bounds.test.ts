/** What a device may leave behind in the broker: subscriptions, retained messages, half-received ones. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { generate } from 'mqtt-packet';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';
import { connectPacket, RawClient } from './raw-client.ts';

const REFUSED = 0x80;

let fleet: Fleet;
let reader: MqttClient;
beforeAll(async () => {
  fleet = await Fleet.create({
    limits: { subscriptionsPerSession: 5, retainedMessages: 3, halfReceived: 4 },
  });
  await fleet.applyPolicyGroup('anything', {
    publish: ['#'],
    subscribe: ['#'],
    limits: { messagesPerSecond: 10_000 },
  });
  reader = await fleet.connect(await fleet.enroll('reader', { group: 'anything' }));
});
afterAll(() => fleet.close());

async function connect(id: string, clean = true): Promise<MqttClient> {
  return fleet.connect(await fleet.enroll(id, { group: 'anything' }), { clean });
}

function filters(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `f/${from + index}`);
}

describe.each([
  ['a clean session', true],
  ['a durable session', false],
])('the subscriptions of %s', (name, clean) => {
  it('are refused beyond their number, in one packet or in several', async () => {
    const client = await connect(`subscriber-${clean}`, clean);
    const before = await fleet.metric('denied_total', { rule: 'subscription_limit' });
    expect(await subscribe(client, filters(0, 7))).toEqual([1, 1, 1, 1, 1, REFUSED, REFUSED]);
    expect(await subscribe(client, ['f/9'])).toEqual([REFUSED]);
    expect(await fleet.metric('denied_total', { rule: 'subscription_limit' })).toBe(before + 3);
    await fleet.logged('denied', 'subscription_limit');
    // What is subscribed already does not count anew.
    expect(await subscribe(client, filters(0, 5), 2)).toEqual([2, 2, 2, 2, 2]);
    await client.unsubscribeAsync(['f/0', 'f/1']);
    expect(await subscribe(client, filters(5, 8))).toEqual([1, 1, REFUSED]);
    expect(name).toContain('session');
  });
});

describe('the subscriptions of a session that is resumed', () => {
  it('are all restored, and count', async () => {
    const identity = await fleet.enroll('resumer', { group: 'anything' });
    const first = await fleet.connect(identity, { clean: false });
    await subscribe(first, filters(0, 5));
    await first.endAsync();
    const second = await fleet.connect(identity, { clean: false });
    expect(await subscribe(second, ['f/4', 'f/5'])).toEqual([1, REFUSED]);
    const inbox = new Inbox(second);
    await reader.publishAsync('f/0', 'restored', { qos: 1 });
    await inbox.has('restored');
  });
});

describe('the retained messages of a device', () => {
  const retain = (client: MqttClient, topic: string, payload: string) =>
    client.publishAsync(topic, payload, { retain: true, qos: 1 });

  it('are refused beyond their number, over all its sessions, and gone once it is revoked', async () => {
    const client = await connect('retainer');
    for (const index of [0, 1, 2]) await retain(client, `r/${index}`, `kept ${index}`);
    await retain(client, 'r/1', '');
    await retain(client, 'r/3', 'kept 3');
    await retain(client, 'r/3', 'kept 3 anew');
    client.publish('r/4', 'one too many', { retain: true, qos: 1 });
    await untilClosed(client);
    expect(await fleet.metric('denied_total', { rule: 'retained_limit' })).toBe(1);
    await fleet.logged('denied', 'retained_limit');

    const inbox = new Inbox(reader);
    await subscribe(reader, ['r/#']);
    // In whichever order they come: it is that of the topics, and of what each takes to be sent.
    for (const payload of ['kept 0', 'kept 2', 'kept 3 anew']) await inbox.has(payload);
    expect(inbox.payloads).toHaveLength(3);

    await fleet.revoke('retainer');
    await fleet.journalRead();
    const later = await connect('late-reader');
    const lateInbox = new Inbox(later);
    await retain(reader, 'other/last', 'of the reader');
    await subscribe(later, ['r/#', 'other/last']); // looked up in this order
    await lateInbox.has('of the reader');
    expect(lateInbox.payloads).toEqual(['of the reader']);
  });
});

describe('messages of QoS 2 that are never released', () => {
  it('end the session by a rule, over several connections', async () => {
    const identity = await fleet.enroll('half', { group: 'anything' });
    const publishes = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) =>
        generate({
          ...{ cmd: 'publish', topic: 't', payload: 'x', qos: 2, dup: false, retain: false },
          messageId: from + index,
        }),
      );
    const first = await RawClient.open(fleet, identity);
    first.send(connectPacket('half', { clean: false }));
    expect(await first.connack()).toBe(0);
    first.send(...publishes(1, 3));
    await eventually(() => first.received.length === 4 + 3 * 4);
    await first.end();

    const second = await RawClient.open(fleet, identity);
    second.send(connectPacket('half', { clean: false }));
    expect(await second.connack()).toBe(0);
    second.send(...publishes(2, 3)); // two of them again, and the last that has room
    await eventually(() => second.received.length === 4 + 3 * 4);
    second.send(...publishes(5, 1));
    await second.untilClosed();
    expect(await fleet.metric('cut_off_total', { rule: 'inflight_limit' })).toBe(1);
    await fleet.logged('session cut off', 'inflight_limit');
  });
});
