/** `$SYS/broker/…`: the broker's figures, for services that are granted them; nothing of what Aedes tells itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe, untilClosed } from './inbox.ts';

let fleet: Fleet;
let service: Identity;
beforeAll(async () => {
  fleet = await Fleet.create();
  await fleet.applyPolicyGroup('monitoring', { subscribe: ['$SYS/#'], publish: ['kept/#'] });
  await fleet.applyPolicyGroup('narrow', { subscribe: ['$SYS/broker/clients/#'] });
  service = await fleet.enroll('monitor', { group: 'monitoring' });
});
afterAll(() => fleet.close());

/** What a new subscription finds. */
async function figures(filter = '$SYS/#'): Promise<Record<string, string>> {
  const client = await fleet.connect(service, { clientId: 'monitor/figures' });
  const inbox = new Inbox(client);
  expect(await subscribe(client, filter, 2)).toEqual([2]);
  await eventually(() => inbox.messages.length > 0);
  // Sent one after another: what is asked for next comes behind all of them.
  const before = inbox.messages.length;
  await eventually(async () => {
    await subscribe(client, '$SYS/broker/version', 0);
    return inbox.messages.slice(before).some(({ topic }) => topic === '$SYS/broker/version');
  });
  expect(inbox.messages.every(({ retain }) => retain)).toBe(true);
  await client.endAsync();
  return Object.fromEntries(
    inbox.messages.map(({ topic, payload }) => [topic.replace('$SYS/broker/', ''), payload]),
  );
}

describe('the figures', () => {
  it('bear the names of Mosquitto, and count', async () => {
    const device = await fleet.enroll('counted');
    const publisher = await fleet.connect(device);
    const sleeper = await fleet.connect(await fleet.enroll('sleeper'), { clean: false });
    await subscribe(sleeper, 'devices/sleeper/commands/#');
    await sleeper.endAsync();
    await publisher.publishAsync('devices/counted/status', 'x'.repeat(1_000), { qos: 1, retain: true });
    const before = await figures();
    await publisher.publishAsync('devices/counted/status', 'x'.repeat(1_000), { qos: 1, retain: true });
    await publisher.publishAsync('devices/counted/telemetry', 'y', { qos: 1 });
    publisher.publish('devices/other/status', 'denied');
    await untilClosed(publisher);
    const after = await figures();

    expect(before.version).toMatch(/^gatehouse \d+\.\d+/);
    expect(before.uptime).toMatch(/^\d+ seconds$/);
    const figure = (from: Record<string, string>, name: string) => Number(from[name]);
    const grown = (name: string) => figure(after, name) - figure(before, name);
    expect(figure(before, 'clients/connected')).toBe(2);
    expect(figure(before, 'clients/disconnected')).toBe(1);
    expect(figure(before, 'clients/total')).toBe(3);
    expect(figure(before, 'clients/maximum')).toBeGreaterThanOrEqual(2);
    expect(figure(before, 'retained messages/count')).toBe(1);
    expect(figure(before, 'store/messages/count')).toBe(0);
    expect(figure(before, 'store/messages/bytes')).toBe(0);
    expect(figure(before, 'connections/waiting')).toBe(0);
    expect(figure(before, 'connections/unproven')).toBe(0);
    expect(figure(before, 'handshakes/full') + figure(before, 'handshakes/resumed')).toBe(3);
    expect(figure(before, 'handshakes/failed')).toBe(0);
    expect(figure(before, 'subscriptions/count')).toBe(1);
    expect(grown('publish/messages/received')).toBe(2);
    expect(grown('clients/connected')).toBe(-1);
    expect(grown('bytes/received')).toBeGreaterThan(1_000);
    expect(grown('bytes/sent')).toBeGreaterThan(0);
    expect(after['denied/publish/publish_denied']).toBe('1');
  });

  it('are what Aedes tells itself to nobody', async () => {
    const client = await fleet.connect(service);
    const inbox = new Inbox(client);
    expect(await subscribe(client, ['$SYS/#', '$SYS/+/new/clients', '$SYS/+/disconnect/clients'])).toEqual([
      1, 1, 1,
    ]);
    const other = await fleet.connect(await fleet.enroll('secretive'));
    await other.endAsync();
    await eventually(() => inbox.messages.some(({ topic }) => topic.endsWith('/uptime')));
    expect(inbox.messages.filter(({ topic }) => !topic.startsWith('$SYS/broker/'))).toEqual([]);
    await client.endAsync();
  });

  it('are granted as narrowly as the policy says', async () => {
    const client = await fleet.connect(await fleet.enroll('narrow', { group: 'narrow' }));
    const inbox = new Inbox(client);
    expect(
      await subscribe(client, [
        '$SYS/#',
        '$SYS/broker/#',
        '$SYS/+/clients/#',
        '$SYS/broker/clients/+',
        '$presence/+',
      ]),
    ).toEqual([128, 128, 128, 1, 128]);
    await eventually(() => inbox.messages.length === 4);
    expect(inbox.messages.every(({ topic }) => topic.startsWith('$SYS/broker/clients/'))).toBe(true);
    await client.endAsync();
  });

  it('cannot be forged by a service that reads them', async () => {
    const client = await fleet.connect(service, { clientId: 'monitor/forges' });
    client.publish('$SYS/broker/uptime', 'forged', { retain: true });
    await untilClosed(client);
    expect((await figures('$SYS/broker/uptime')).uptime).toMatch(/^\d+ seconds$/);
  });
});

describeWith(['mosquitto_sub'], 'mosquitto_sub', () => {
  const folder = temporaryFolder();
  it('reads them as it reads those of Mosquitto', async () => {
    const file = (name: string, content: string) => {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    };
    const files = [
      '--cafile',
      file('ca', fleet.ca),
      '--cert',
      file('c', service.chain),
      '--key',
      file('k', service.key),
    ];
    const child = spawn(
      'mosquitto_sub',
      [
        '-h',
        'localhost',
        '-p',
        String(fleet.port),
        ...files,
        '-i',
        'monitor/m',
        '-t',
        '$SYS/broker/clients/connected',
        '-C',
        '1',
        '-W',
        '10',
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    expect(await once(child, 'close')).toEqual([0, null]); // its output, too, has come
    expect(Number(output)).toBeGreaterThanOrEqual(1);
  });
});
