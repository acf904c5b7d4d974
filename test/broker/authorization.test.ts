/** What a session may do, by its policy of that moment: publish, subscribe, receive, and leave a will. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';
import { connectPacket, RawClient } from './raw-client.ts';

let fleet: Fleet;
let identity: Identity;
/** May publish anything to anybody, and sees everything. */
let root: MqttClient;
let seen: Inbox;
let serial = 0;

beforeAll(async () => {
  fleet = await Fleet.create();
  await fleet.applyPolicyGroup('roots', { publish: ['#'], subscribe: ['#'] });
  root = await fleet.connect(await fleet.enroll('root-1', { group: 'roots' }));
  seen = new Inbox(root);
  await subscribe(root, '#');
  await fleet.enroll('victim');
});
afterAll(async () => {
  // Not even who may read everything is told what Aedes says to itself.
  expect(seen.messages.filter(({ topic }) => topic.startsWith('$'))).toEqual([]);
  await fleet.close();
});
beforeEach(async () => {
  identity = await fleet.enroll(`dev-${++serial}`);
});

const own = (suffix: string) => `devices/${identity.id}/${suffix}`;

/** Whatever was published before this has been handed on. */
async function settle(): Promise<void> {
  const payload = `settled ${++serial}`;
  await root.publishAsync('root/settle', payload, { qos: 1 });
  await seen.has(payload);
}

describe('publishing', () => {
  it('to a granted topic arrives', async () => {
    const client = await fleet.connect(identity);
    const before = await fleet.metric('messages_total', { direction: 'in' });
    await client.publishAsync(own('telemetry'), 'granted', { qos: 1 });
    await seen.has('granted');
    expect(await fleet.metric('messages_total', { direction: 'in' })).toBe(before + 1);
    await client.endAsync();
  });

  it.each([
    ["another's telemetry", 'devices/victim/telemetry', 'publish_denied'],
    ["another's commands", 'devices/victim/commands/x', 'publish_denied'],
    ['a topic of nobody', 'anything', 'publish_denied'],
    ['$SYS', '$SYS/x', 'topic_reserved'],
    ['$share', '$share/a/b', 'topic_reserved'],
    ['a control character', 'devices/dev/telemetry/\u0007', 'topic_name_invalid'],
  ])('to %s ends the connection, and nothing arrives', async (_, topic, rule) => {
    for (const qos of [0, 1, 2] as const) {
      const client = await fleet.connect(identity);
      const before = await fleet.metric('denied_total', { action: 'publish', rule });
      client.publish(topic, 'denied', { qos, retain: true });
      await untilClosed(client);
      expect(await fleet.metric('denied_total', { action: 'publish', rule })).toBe(before + 1);
    }
    expect(await fleet.logged('denied', rule)).toMatchObject({
      action: 'publish',
      device: identity.id,
      detail: expect.any(String),
      remedy: expect.any(String),
    });
    await settle();
    expect(seen.payloads).not.toContain('denied');
  });

  it('to a topic that is not UTF-8 ends the connection', async () => {
    const client = await RawClient.open(fleet, identity);
    client.send(connectPacket(identity.id));
    await client.connack();
    const topic = Buffer.concat([Buffer.from(own('telemetry/')), Buffer.from([0xff])]);
    client.send(Buffer.concat([Buffer.from([0x30, topic.length + 2, 0, topic.length]), topic]));
    await client.untilClosed();
    await fleet.logged('denied', 'topic_name_invalid');
  });

  it('more than the largest payload ends the connection', async () => {
    await fleet.applyPolicyGroup('terse', { publish: ['devices/{id}/#'], limits: { maxPayload: 100 } });
    const terse = await fleet.enroll('terse-1', { group: 'terse' });
    for (const [size, rule, line] of [
      [101, 'packet_too_large', 'denied'],
      [5_000, 'packet_too_large', 'session cut off'],
    ] as const) {
      const client = await fleet.connect(terse);
      await client.publishAsync('devices/terse-1/x', Buffer.alloc(100), { qos: 1 });
      client.publish('devices/terse-1/x', Buffer.alloc(size), { qos: 1 });
      await untilClosed(client);
      expect(await fleet.logged(line, rule)).toMatchObject({ device: 'terse-1' });
    }
  });

  it('by $SYS/…/new/clients with a victim in it leaves the victim alone', async () => {
    const victim = await fleet.enroll('named-victim');
    const session = await fleet.connect(victim);
    const client = await fleet.connect(identity);
    client.publish('$SYS/another/new/clients', 'named-victim', { qos: 0 });
    await untilClosed(client);
    await session.publishAsync('devices/named-victim/status', 'unharmed', { qos: 1 });
    await seen.has('unharmed');
    await session.endAsync();
  });
});

describe('a will', () => {
  it('on a granted topic is published when the connection is lost', async () => {
    const will = { topic: own('status'), payload: Buffer.from('lost'), qos: 1, retain: false } as const;
    const client = await fleet.connect(identity, { will });
    client.stream.destroy();
    await seen.has('lost');
  });

  it.each([
    ["another's topic", 'devices/victim/status', 1],
    ['$SYS', '$SYS/x/new/clients', 1],
    ['a wildcard', 'devices/+/status', 1],
    ['a granted topic, and is too large', null, 200_000],
  ])('on %s is refused with the connection', async (_, topic, size) => {
    if (size > 60_000) await fleet.applyPolicyGroup('small', { publish: ['#'], limits: { maxPayload: 10 } });
    const device = size > 60_000 ? await fleet.enroll(`small-${++serial}`, { group: 'small' }) : identity;
    const will = {
      topic: topic ?? 'x',
      payload: Buffer.alloc(Math.min(size, 1_000)),
      qos: 0,
      retain: true,
    } as const;
    const before = await fleet.refusals('will_denied');
    const client = await RawClient.open(fleet, device);
    client.send(connectPacket(device.id, { will }));
    expect(await client.connack()).toBe(5);
    expect(await fleet.refusals('will_denied')).toBe(before + 1);
  });

  it('is judged by the policy of the moment it is published', async () => {
    await fleet.applyPolicyGroup('willing', { publish: ['willing/{id}'] });
    const device = await fleet.enroll('willing-1', { group: 'willing' });
    const will = {
      topic: 'willing/willing-1',
      payload: Buffer.from('too late'),
      qos: 1,
      retain: true,
    } as const;
    const client = await fleet.connect(device, { will });
    const before = await fleet.metric('denied_total', { action: 'publish', rule: 'publish_denied' });
    await fleet.applyPolicy({ name: 'willing', publish: [] });
    await fleet.journalRead();
    client.stream.destroy();
    await eventually(
      async () =>
        (await fleet.metric('denied_total', { action: 'publish', rule: 'publish_denied' })) > before,
    );
    await settle();
    expect(seen.payloads).not.toContain('too late');
  });
});

describe('subscribing', () => {
  it.each([
    '#',
    '+/+/+',
    'devices/#',
    'devices/+/telemetry',
    'devices/victim/commands/#',
    '$SYS/#',
    '$share/group/devices/victim/commands/#',
    'groups/services/broadcast/#',
    'devices/victim/commands/\u0001',
  ])('to %s is answered with 0x80', async (filter) => {
    const client = await fleet.connect(identity);
    const actions = { action: 'subscribe' };
    const before = await fleet.metric('denied_total', actions);
    expect(await subscribe(client, filter)).toEqual([128]);
    expect(await fleet.metric('denied_total', actions)).toBeGreaterThanOrEqual(before);
    await client.endAsync();
  });

  it('is answered filter by filter', async () => {
    const client = await fleet.connect(identity);
    const filters = [own('commands/#'), '#', 'groups/default/broadcast/x'];
    expect(await subscribe(client, filters)).toEqual([1, 128, 1]);
    const inbox = new Inbox(client);
    await root.publishAsync(own('commands/a'), 'for it', { qos: 1 });
    await root.publishAsync('devices/victim/commands/a', 'not for it', { qos: 1 });
    await inbox.has('for it');
    await settle();
    expect(inbox.payloads).toEqual(['for it']);
    await client.endAsync();
  });

  it('in a flood of denied filters fills no log', async () => {
    const client = await fleet.connect(identity);
    const lines = fleet.log.length;
    const filters = Array.from({ length: 200 }, (_, index) => `secrets/${index}`);
    expect(await subscribe(client, filters)).toEqual(filters.map(() => 128));
    const denials = fleet.log.slice(lines).filter(({ msg }) => msg.startsWith('denied'));
    expect(denials).toHaveLength(20);
    await client.endAsync();
  });

  it('stores no filter that was denied', async () => {
    const client = await fleet.connect(identity, { clean: false });
    expect(await subscribe(client, [own('commands/#'), 'devices/victim/commands/#'])).toEqual([1, 128]);
    await client.endAsync();
    await root.publishAsync('devices/victim/commands/x', 'not for it', { qos: 1 });
    await root.publishAsync(own('commands/x'), 'for it', { qos: 1 });
    const denied = await fleet.metric('denied_total', { action: 'deliver' });
    const again = fleet.client(identity, { clean: false });
    const inbox = new Inbox(again);
    await inbox.has('for it');
    await settle();
    expect(inbox.payloads).toEqual(['for it']);
    // Not even queued and held back: nothing was there to deny.
    expect(await fleet.metric('denied_total', { action: 'deliver' })).toBe(denied);
    await again.endAsync();
  });

  it('to names of the prototype is nothing special', async () => {
    await fleet.applyPolicyGroup('odd', { subscribe: ['#'], publish: ['#'] });
    const odd = await fleet.enroll('odd-1', { group: 'odd' });
    const names = ['__proto__', 'constructor', 'hasOwnProperty'];
    const client = await fleet.connect(odd, { clean: false });
    expect(await subscribe(client, names)).toEqual([1, 1, 1]);
    await client.endAsync();
    for (const name of names) await root.publishAsync(name, `by ${name}`, { qos: 1 });
    const again = fleet.client(odd, { clean: false });
    const inbox = new Inbox(again);
    await inbox.has('by hasOwnProperty');
    expect(inbox.payloads.sort()).toEqual(['by __proto__', 'by constructor', 'by hasOwnProperty']);
    await again.endAsync();
  });
});

describe('a retained message', () => {
  it('is handed over on subscribing where the policy grants it, and held back where it does not', async () => {
    await fleet.applyPolicyGroup('retainers', {
      subscribe: ['shared/#'],
      deny: [],
    });
    const device = await fleet.enroll('retainer-1', { group: 'retainers' });
    await root.publishAsync('shared/open', 'retained open', { qos: 1, retain: true });
    await root.publishAsync('shared/secret', 'retained secret', { qos: 1, retain: true });
    const client = await fleet.connect(device, { clean: false });
    const inbox = new Inbox(client);
    await subscribe(client, 'shared/#');
    await inbox.has('retained secret');
    await client.endAsync();

    // A deny that comes later reaches into the filter: it is refused, and what it matched stays away.
    await fleet.applyPolicy({ name: 'retainers', subscribe: ['shared/#'], deny: ['shared/secret'] });
    const again = await fleet.connect(device);
    const later = new Inbox(again);
    expect(await subscribe(again, ['shared/#', 'shared/open'])).toEqual([128, 1]);
    await later.has('retained open');
    await settle();
    expect(later.payloads).toEqual(['retained open']);
    await again.endAsync();
  });
});

describe('overlapping subscriptions of a durable session', () => {
  it('lose no message of a burst, though each matches twice', async () => {
    await fleet.applyPolicyGroup('overlapping', { subscribe: ['o/#'] });
    const device = await fleet.enroll('overlapping-1', { group: 'overlapping' });
    const client = await fleet.connect(device, { clean: false });
    const inbox = new Inbox(client);
    await subscribe(client, ['o/#', 'o/x', 'o/+']);
    const payloads = Array.from({ length: 40 }, (_, index) => `burst ${index}`);
    await Promise.all(payloads.map((payload) => root.publishAsync('o/x', payload, { qos: 1 })));
    await inbox.has('burst 39');
    expect(inbox.payloads).toEqual(payloads);
    expect(client.connected).toBe(true);
    await client.endAsync();
  });
});
