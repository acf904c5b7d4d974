/** A change of policy, group or attributes reaches live sessions at once, and those of devices that are away right behind. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { foretellPolicy } from '../../enroll/use-cases/operating/foretell-policy.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';

let fleet: Fleet;
/** May publish anything to anybody, and sees everything. */
let root: MqttClient;
let seen: Inbox;
let serial = 0;

beforeAll(async () => {
  fleet = await Fleet.create();
  await fleet.applyPolicyGroup('roots', { publish: ['#'], subscribe: ['#', '$SYS/#'] });
  root = await fleet.connect(await fleet.enroll('root-1', { group: 'roots' }));
  seen = new Inbox(root);
  await subscribe(root, '#');
});
afterAll(() => fleet.close());

/** Whatever was published before this has been handed on. */
async function settle(): Promise<void> {
  const payload = `settled ${++serial}`;
  await root.publishAsync('root/settle', payload, { qos: 1 });
  await seen.has(payload);
}

/** Messages that wait in all queues. */
async function queued(): Promise<number> {
  const topic = '$SYS/broker/store/messages/count';
  const before = seen.messages.length;
  await subscribe(root, topic, 0);
  const figure = await eventually(() =>
    seen.messages.slice(before).find((message) => message.topic === topic),
  );
  await root.unsubscribeAsync(topic);
  return Number(figure.payload);
}

/** How many filters of whomever have been denied. */
const deniedFilters = () => fleet.metric('denied_total', { action: 'subscribe', rule: 'subscribe_denied' });

describe('a policy that changes', () => {
  it.each([true, false])(
    'ends what a live session receives and may publish, at once (clean: %s)',
    async (clean) => {
      await fleet.applyPolicyGroup('changing', { publish: ['c/#'], subscribe: ['c/#', 'd/#'] });
      const device = await fleet.enroll(`changing-${clean}`, { group: 'changing' });
      const client = await fleet.connect(device, { clean });
      const inbox = new Inbox(client);
      await subscribe(client, ['c/#', 'd/#']);
      await root.publishAsync('c/1', 'before', { qos: 1 });
      await inbox.has('before');
      const heldBack = await fleet.metric('denied_total', { action: 'deliver' });

      await fleet.applyPolicy({ name: 'changing', publish: [], subscribe: ['d/#'] });
      await fleet.journalRead();
      await root.publishAsync('c/1', 'after', { qos: 1 });
      await root.publishAsync('d/1', 'still granted', { qos: 1 });
      await inbox.has('still granted');
      expect(inbox.payloads).not.toContain('after');
      // The subscription itself is gone, so that nothing had to be held back.
      expect(await fleet.metric('denied_total', { action: 'deliver' })).toBe(heldBack);
      client.publish('c/1', 'no more', { qos: 0 });
      await untilClosed(client);
    },
  );

  it('leaves live sessions alone in a dry run', async () => {
    await fleet.applyPolicyGroup('tried', { publish: ['t/#'], subscribe: ['t/#'] });
    const client = await fleet.connect(await fleet.enroll('tried-1', { group: 'tried' }));
    const inbox = new Inbox(client);
    await subscribe(client, 't/in');
    const head = await fleet.registry.journalHead();
    const { outcome, removed, groups } = await foretellPolicy(fleet, { name: 'tried' });
    expect([outcome, removed.subscribe, groups]).toEqual([
      'changed',
      ['t/#'],
      [{ name: 'tried', devices: 1 }],
    ]);
    expect(await fleet.registry.journalHead()).toBe(head);
    // Whatever it had set going would have come to an end by then.
    await fleet.applyPolicyGroup('next', { publish: [], subscribe: [] });
    await fleet.journalRead();
    await client.publishAsync('t/in', 'still granted', { qos: 1 });
    await inbox.has('still granted');
    expect(await subscribe(client, 't/other')).toEqual([1]);
  });

  it('by a move to another group, and by attributes, does so too', async () => {
    await fleet.applyPolicyGroup('lines', { subscribe: ['line/{attr.line}/#'] });
    const device = await fleet.enroll('mover-1', { group: 'lines', attributes: { line: 'a' } });
    const client = await fleet.connect(device);
    expect(await subscribe(client, ['line/a/x', 'line/b/x'])).toEqual([1, 128]);
    await fleet.changeDevice('mover-1', { attributes: { line: 'b' } });
    await fleet.journalRead();
    expect(await subscribe(client, ['line/a/x', 'line/b/x'])).toEqual([128, 1]);
    await fleet.changeDevice('mover-1', { group: 'default' });
    await fleet.journalRead();
    expect(await subscribe(client, ['line/b/x', 'devices/mover-1/commands/x'])).toEqual([128, 1]);
    await client.endAsync();
  });

  it('by an import that changes many devices, connected or not, does so too', async () => {
    await fleet.applyPolicyGroup('imports', { subscribe: ['line/{attr.line}/#'] });
    const options = { group: 'imports', attributes: { line: 'a' } };
    const devices = [await fleet.enroll('many-1', options), await fleet.enroll('many-2', options)];
    await fleet.enroll('many-3', options);
    const clients = await Promise.all(devices.map((device) => fleet.connect(device)));
    await fleet.changeDevices(['many-1', 'many-3', 'many-2'], { line: 'b' });
    await fleet.journalRead();
    for (const client of clients) {
      expect(await subscribe(client, ['line/a/x', 'line/b/x'])).toEqual([128, 1]);
      await client.endAsync();
    }
  });

  it('through the policy of a group does so too', async () => {
    await fleet.applyPolicyGroup('swapped', { subscribe: ['one/#'] });
    await fleet.applyPolicy({ name: 'other', subscribe: ['two/#'] });
    const client = await fleet.connect(await fleet.enroll('swapped-1', { group: 'swapped' }));
    expect(await subscribe(client, ['one/x', 'two/x'])).toEqual([1, 128]);
    await fleet.applyGroup('swapped', 'other');
    await fleet.journalRead();
    expect(await subscribe(client, ['one/x', 'two/x'])).toEqual([128, 1]);
    await client.endAsync();
  });

  it('keeps what was queued before it from being delivered after it', async () => {
    await fleet.applyPolicyGroup('queued', { subscribe: ['q/#'] });
    const device = await fleet.enroll('queued-1', { group: 'queued' });
    const client = await fleet.connect(device, { clean: false });
    await subscribe(client, ['q/keep', 'q/lose']);
    await client.endAsync();
    await root.publishAsync('q/lose', 'queued, then denied', { qos: 1 });
    await root.publishAsync('q/keep', 'queued, still granted', { qos: 1 });
    await fleet.applyPolicy({ name: 'queued', subscribe: ['q/keep'] });
    const again = fleet.client(device, { clean: false });
    const inbox = new Inbox(again);
    await inbox.has('queued, still granted');
    await settle();
    expect(inbox.payloads).toEqual(['queued, still granted']);
    await again.endAsync();

    // The subscription that the stored session brought back was ended for good.
    await root.publishAsync('q/lose', 'later', { qos: 1 });
    await fleet.applyPolicy({ name: 'queued', subscribe: ['q/#'] });
    const third = fleet.client(device, { clean: false });
    const rest = new Inbox(third);
    await root.publishAsync('q/keep', 'the end', { qos: 1 });
    await rest.has('the end');
    expect(rest.payloads).toEqual(['the end']);
    await third.endAsync();
  });
});

describe('a device that is away', () => {
  const changes: Record<string, (id: string, group: string) => Promise<void>> = {
    'the policy of its group': (_id, group) => fleet.applyPolicy({ name: group, subscribe: ['keep/#'] }),
    'another policy for its group': async (_id, group) => {
      await fleet.applyPolicy({ name: `${group}-2`, subscribe: ['keep/#'] });
      await fleet.journalRead();
      await fleet.applyGroup(group, `${group}-2`);
    },
    'a move to another group': async (id, group) => {
      await fleet.applyPolicyGroup(`${group}-2`, { subscribe: ['keep/#'] });
      await fleet.changeDevice(id, { group: `${group}-2` });
    },
    'its attributes': (id) => fleet.changeDevice(id, { attributes: { line: 'b' } }),
    'an import of many': (id) => fleet.changeDevices(['away-other', id], { line: 'b' }),
  };

  it.each(Object.keys(changes))('has nothing queued any more that %s denies', async (change) => {
    const group = `away-${++serial}`;
    const id = `device-of-${group}`;
    await fleet.applyPolicyGroup(group, { subscribe: ['lines/{attr.line}/#', 'keep/#'] });
    if (change === 'an import of many') await fleet.enroll('away-other', { group });
    const device = await fleet.enroll(id, { group, attributes: { line: 'a' } });
    const client = await fleet.connect(device, { clean: false });
    expect(await subscribe(client, ['lines/a/#', `keep/${group}`])).toEqual([1, 1]);
    await client.endAsync();
    const denied = await deniedFilters();
    const before = await queued();

    await changes[change]?.(id, group);
    await eventually(async () => (await deniedFilters()) === denied + 1);
    await root.publishAsync('lines/a/x', 'denied', { qos: 1 });
    await root.publishAsync(`keep/${group}`, 'granted', { qos: 1 });
    expect(await queued()).toBe(before + 1);
    await fleet.changeDevice(id, { group, attributes: { line: 'a' } });
    await fleet.applyPolicyGroup(group, { subscribe: ['lines/{attr.line}/#', 'keep/#'] });
    const again = fleet.client(device, { clean: false });
    const inbox = new Inbox(again);
    await inbox.has('granted');
    // The filter is gone for good, though it is granted again.
    await root.publishAsync('lines/a/x', 'denied once', { qos: 1 });
    await root.publishAsync(`keep/${group}`, 'the end', { qos: 1 });
    await inbox.has('the end');
    expect(inbox.payloads).toEqual(['granted', 'the end']);
    await again.endAsync();
  });
});
