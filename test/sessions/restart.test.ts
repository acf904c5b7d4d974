/** What outlives the broker, seen by devices: sessions, what waits in them, retained messages, and what must not. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { Fleet } from '../broker/fleet.ts';
import { Inbox, subscribe } from '../broker/inbox.ts';
import { eventually } from '../support/eventually.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create();
  await fleet.applyPolicyGroup('anything', {
    publish: ['#'],
    subscribe: ['#'],
    limits: { messagesPerSecond: 10_000, bytesPerSecond: 10_000_000 },
  });
});
afterAll(() => fleet.close());

async function restart(): Promise<void> {
  await fleet.stopBroker();
  await fleet.startBroker();
}

/** Of a durable session, unless told otherwise. */
async function connect(id: string, clean = false): Promise<{ client: MqttClient; inbox: Inbox }> {
  const identity = identities.get(id) ?? (await fleet.enroll(id, { group: 'anything' }));
  identities.set(id, identity);
  const client = fleet.client(identity, { clean });
  const inbox = new Inbox(client);
  await eventually(() => client.connected);
  return { client, inbox };
}
const identities = new Map<string, Awaited<ReturnType<Fleet['enroll']>>>();

/** A durable session that has subscribed and gone. */
async function leave(id: string, filters: string | string[], qos: 0 | 1 | 2 = 1): Promise<void> {
  const { client } = await connect(id);
  await subscribe(client, filters, qos);
  await client.endAsync();
}

async function publish(topic: string, ...payloads: string[]): Promise<void> {
  const { client } = await connect('writer', true);
  for (const payload of payloads) await client.publishAsync(topic, payload, { qos: 1 });
  await client.endAsync();
}

describe('over a restart', () => {
  it('a durable session gets what came before and what comes after, in order', async () => {
    await leave('reader-1', 'one/#');
    await publish('one/x', '1', '2');
    await restart();
    await publish('one/x', '3');
    const { client, inbox } = await connect('reader-1');
    await inbox.has('3');
    await publish('one/x', '4');
    await inbox.has('4');
    expect(inbox.payloads).toEqual(['1', '2', '3', '4']);
    await client.endAsync();
  });

  it('a retained message is there for whoever subscribes, and a cleared one is not', async () => {
    const { client } = await connect('writer', true);
    await client.publishAsync('kept/1', 'kept', { qos: 1, retain: true });
    await client.publishAsync('kept/2', 'cleared', { qos: 1, retain: true });
    await client.publishAsync('kept/2', '', { qos: 1, retain: true });
    await client.publishAsync('kept/3', 'unacknowledged', { qos: 0, retain: true });
    await client.endAsync();
    await restart();
    const reader = await connect('reader-2');
    await subscribe(reader.client, 'kept/#', 2);
    await eventually(() => reader.inbox.messages.length === 2);
    const byTopic = [...reader.inbox.messages].sort((one, other) => one.topic.localeCompare(other.topic));
    expect(byTopic).toMatchObject([
      { topic: 'kept/1', payload: 'kept', retain: true },
      { topic: 'kept/3', payload: 'unacknowledged', retain: true },
    ]);
    await reader.client.endAsync();
  });

  it('a clean session leaves nothing, not even of a durable one before it', async () => {
    await leave('reader-3', 'three');
    await publish('three', 'lost with the session');
    const clean = await connect('reader-3', true);
    await clean.client.endAsync();
    await restart();
    await publish('three', 'for nobody');
    const { client, inbox } = await connect('reader-3');
    await subscribe(client, 'three');
    await publish('three', 'new');
    await inbox.has('new');
    expect(inbox.payloads).toEqual(['new']);
    await client.endAsync();
  });
});

describe('what the registry has changed while the broker was away', () => {
  it('ends subscriptions that are not granted any more, and delivers nothing by them', async () => {
    await fleet.applyPolicyGroup('watchers', { subscribe: ['open/#', 'closed/#'] });
    identities.set('watcher', await fleet.enroll('watcher', { group: 'watchers' }));
    await leave('watcher', ['open/#', 'closed/#']);
    await publish('closed/x', 'from before');
    await fleet.stopBroker();
    await fleet.applyPolicyGroup('watchers', { subscribe: ['open/#'] });
    await fleet.startBroker();
    await fleet.applyPolicyGroup('watchers', { subscribe: ['open/#', 'closed/#'] });
    await fleet.journalRead();
    await publish('closed/x', 'from after');
    await publish('open/x', 'open');
    const { client, inbox } = await connect('watcher');
    await inbox.has('open');
    // Granted again by now: what had been queued is delivered, and the subscription stays ended.
    expect(inbox.payloads).toEqual(['from before', 'open']);
    await client.endAsync();
  });

  it('removes what a device that was revoked had left, and none of a device whose ID begins alike', async () => {
    await leave('doomed', 'd/#');
    await leave('doomed2', 'd/#');
    const { client } = await connect('doomed');
    await client.publishAsync('kept/doomed', 'of the doomed', { qos: 1, retain: true });
    await client.endAsync();
    await publish('d/x', 'queued');
    await fleet.stopBroker();
    await fleet.revoke('doomed');
    await fleet.startBroker();
    const other = await connect('doomed2');
    await other.inbox.has('queued');
    await subscribe(other.client, ['kept/doomed', 'kept/1']);
    await other.inbox.has('kept');
    expect(other.inbox.payloads).not.toContain('of the doomed');
    expect(fleet.log.some(({ device, msg }) => device === 'doomed' && msg.includes('removed'))).toBe(true);
    await other.client.endAsync();
  });

  it('keeps the session of a device that is suspended, until it is back', async () => {
    await leave('paused', 'p/#');
    await publish('p/x', 'waits');
    await fleet.stopBroker();
    await fleet.suspend('paused');
    await fleet.startBroker();
    await fleet.resume('paused');
    await fleet.journalRead();
    const { client, inbox } = await connect('paused');
    await inbox.has('waits');
    await client.endAsync();
  });
});

describe('a durable session', () => {
  it('gets a message once, with the highest QoS of its filters that match, whether it is there or away', async () => {
    const { client, inbox } = await connect('reader-4');
    const levels: number[] = [];
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'publish') levels.push(packet.qos);
    });
    await subscribe(client, ['four/#'], 0);
    await subscribe(client, ['four/+'], 1);
    await subscribe(client, ['four/x'], 0);
    await publish('four/x', 'live');
    await publish('four/y/z', 'low');
    await inbox.has('low');
    expect(inbox.payloads).toEqual(['live', 'low']);
    expect(levels).toEqual([1, 0]);
    await client.endAsync();
    await publish('four/x', 'queued');
    const again = await connect('reader-4');
    await again.inbox.has('queued');
    expect(again.inbox.payloads).toEqual(['queued']);
    await again.client.endAsync();
  });

  it('gets a message of QoS 0 while it is there, and finds none in its queue', async () => {
    const { client, inbox } = await connect('reader-5');
    await subscribe(client, 'five');
    const writer = await connect('writer', true);
    await writer.client.publishAsync('five', 'seen', { qos: 0 });
    await inbox.has('seen');
    await client.endAsync();
    await writer.client.publishAsync('five', 'unseen', { qos: 0 });
    await writer.client.publishAsync('five', 'kept', { qos: 1 });
    await writer.client.endAsync();
    const again = await connect('reader-5');
    await again.inbox.has('kept');
    expect(again.inbox.payloads).toEqual(['kept']);
    await again.client.endAsync();
  });
});
