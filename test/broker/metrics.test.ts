/** What an operator's monitoring sees of the broker's limits and of TLS handshakes, before anything is refused for them. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { dirname, resolve } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parse as parseYaml } from 'yaml';
import { describeHandshakeFailure, handshakeFailureKinds } from '../../broker/handshake-failure.ts';
import { ENTRY_BYTES } from '../../broker/persistence/sqlite/queue-table.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet, type FleetOptions } from './fleet.ts';
import { Inbox, subscribe } from './inbox.ts';
import { connectPacket, RawClient } from './raw-client.ts';

let fleet: Fleet;
const sockets: Socket[] = [];
async function start(limits: FleetOptions['limits'] = {}, flags: Record<string, unknown> = {}) {
  fleet = await Fleet.create({ limits, start: false });
  await fleet.startBroker(flags);
}
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await fleet.close();
});

/** Several at once: each reading of /metrics is one moment. */
async function metrics(...names: string[]): Promise<number[]> {
  const text = await (await fetch(fleet.metricsUrl)).text();
  return names.map((name) => {
    const line = text.split('\n').find((one) => one.startsWith(`gatehouse_broker_${name} `));
    return line === undefined ? Number.NaN : Number(line.split(' ')[1]);
  });
}

/** One that says nothing. */
async function silent(): Promise<Socket> {
  const socket = createConnection({ port: fleet.port, host: '127.0.0.1' });
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

const FRONT = ['open_connections', 'waiting_connections', 'unproven_connections'] as const;

describe('connections', () => {
  it('are counted by how far they have got, against what there may be', async () => {
    await start({ connections: 9, waiting: 8, unproven: 2, unprovenPerAddress: 2 });
    expect(await metrics(...FRONT.map((name) => `${name}_limit`))).toEqual([9, 8, 2]);
    expect(await metrics(...FRONT, 'longest_wait_seconds')).toEqual([0, 0, 0, 0]);
    for (let index = 0; index < 5; index++) await silent();
    await eventually(async () => (await metrics('open_connections'))[0] === 5);
    expect(await metrics(...FRONT)).toEqual([5, 3, 2]);
    const [before = 0] = await metrics('longest_wait_seconds');
    await eventually(async () => ((await metrics('longest_wait_seconds'))[0] ?? 0) > before);
    for (const socket of sockets.splice(0)) socket.destroy();
    await eventually(async () => (await metrics('open_connections'))[0] === 0);
    expect(await metrics(...FRONT, 'longest_wait_seconds')).toEqual([0, 0, 0, 0]);
  });

  it('of devices that are in are neither waiting nor unproven', async () => {
    await start();
    const client = await fleet.connect(await fleet.enroll('dev-1'));
    expect(await metrics('connections', ...FRONT)).toEqual([1, 1, 0, 0]);
    await client.endAsync();
    await eventually(async () => (await metrics('open_connections'))[0] === 0);
  });

  it('are measured by the limit that was chosen', async () => {
    await start({}, { maxConnections: 77, maxWaiting: 66, maxWaitingPerAddress: 66, maxQueuedSize: '128MB' });
    expect(
      await metrics('open_connections_limit', 'waiting_connections_limit', 'queued_bytes_limit'),
    ).toEqual([77, 66, 128 * 1024 ** 2]);
  });
});

describe('what waits for durable sessions', () => {
  it('is counted in messages and in bytes, until it has been taken', async () => {
    await start();
    const away = await fleet.enroll('away');
    const first = await fleet.connect(away, { clean: false });
    await subscribe(first, 'devices/away/commands/#');
    await first.endAsync();
    await fleet.applyPolicyGroup('anything', { publish: ['#'] });
    const source = await fleet.connect(await fleet.enroll('source', { group: 'anything' }));
    const topic = 'devices/away/commands/go';
    await source.publishAsync(topic, 'x'.repeat(1_000), { qos: 1 });
    await source.publishAsync(topic, 'y', { qos: 1 });
    const bytes = 2 * (ENTRY_BYTES + topic.length) + 1_001;
    expect(await metrics('queued_messages', 'queued_bytes')).toEqual([2, bytes]);
    const inbox = new Inbox(await fleet.connect(away, { clean: false }));
    await inbox.has('y');
    await eventually(async () => (await metrics('queued_bytes'))[0] === 0);
    expect(await metrics('queued_messages')).toEqual([0]);
  });

  it('is told beside the room that is left on the disk', async () => {
    await start();
    expect((await metrics('store_free_bytes'))[0]).toBeGreaterThan(0);
  });

  it('is told where the disk tells nothing, too', async () => {
    await start();
    await rename(fleet.layout.sessions, `${fleet.folder}/aside`);
    await rm(dirname(fleet.layout.sessions), { recursive: true });
    expect(await metrics('queued_bytes', 'store_bytes', 'store_free_bytes')).toEqual([0, 0, Number.NaN]);
  });
});

describe('TLS handshakes', () => {
  const done = async () => [
    await fleet.metric('handshakes_total', { kind: 'full' }),
    await fleet.metric('handshakes_total', { kind: 'resumed' }),
  ];
  const failed = async () => {
    const counts = new Map<string, number>();
    for (const reason of handshakeFailureKinds) {
      const count = await fleet.metric('handshakes_failed_total', { reason });
      if (count > 0) counts.set(reason, count);
    }
    return Object.fromEntries(counts);
  };

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('of %s are counted apart, full and resumed', async (version) => {
    await start();
    const identity = await fleet.enroll('dev-1');
    const attempt = async (session?: Buffer) => {
      const client = await RawClient.open(fleet, identity, { version, ...(session && { session }) });
      client.send(connectPacket('dev-1'));
      expect(await client.connack()).toBe(0);
      return client;
    };
    expect(await done()).toEqual([0, 0]);
    const first = await attempt();
    const ticket = await first.ticket();
    expect(await done()).toEqual([1, 0]);
    await first.end();
    await (await attempt(ticket)).end();
    expect(await done()).toEqual([1, 1]);
    expect(await failed()).toEqual({});
  });

  it('of a ticket that nobody here has sealed are full ones', async () => {
    await start();
    const identity = await fleet.enroll('dev-1');
    const other = await Fleet.create();
    const stranger = await RawClient.open(other, await other.enroll('dev-1'), {});
    stranger.send(connectPacket('dev-1'));
    await stranger.connack();
    const session = await stranger.ticket();
    await stranger.end();
    await other.close();
    await RawClient.open(fleet, identity, { session }).then((client) => client.end());
    expect(await done()).toEqual([1, 0]);
  });

  it('that fail are counted by reason, and not among those that were done', async () => {
    await start({ handshakeTime: 300 });
    (await silent()).write('GET / HTTP/1.1\r\n\r\n');
    await eventually(async () => (await failed()).no_tls === 1);
    const asking = connect({ port: fleet.port, host: '127.0.0.1', ca: fleet.ca, ALPNProtocols: ['h2'] });
    await once(asking, 'error');
    await eventually(async () => (await failed()).no_common_ground === 1);
    (await silent()).resetAndDestroy();
    await eventually(async () => (await failed()).gone === 1);
    await silent();
    await eventually(async () => (await failed()).timeout === 1);
    expect(await failed()).toEqual({ no_tls: 1, no_common_ground: 1, gone: 1, timeout: 1 });
    expect(await done()).toEqual([0, 0]);
  });

  it('that fail begin at zero for each reason, and for no other', async () => {
    await start();
    const text = await (await fetch(fleet.metricsUrl)).text();
    const series = [...text.matchAll(/^gatehouse_broker_handshakes_failed_total\{reason="(\w+)"\} (\d+)$/gm)];
    expect(series.map(([, reason, count]) => [reason, count])).toEqual(
      handshakeFailureKinds.map((reason) => [reason, '0']),
    );
  });
});

describe('the reason of a failed handshake', () => {
  const kindOf = (code: string) => describeHandshakeFailure(Object.assign(new Error('no'), { code })).kind;

  it.each([
    ['ECONNRESET', 'gone'],
    ['ERR_TLS_HANDSHAKE_TIMEOUT', 'timeout'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'no_tls'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'server_distrusted'],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'no_common_ground'],
    ['ERR_SSL_BAD_RECORD_TYPE', 'other'],
    ['constructor', 'other'],
    ['__proto__', 'other'],
  ])('%s is %s', (code, kind) => {
    expect(kindOf(code)).toBe(kind);
  });

  it('is one of a fixed set, whatever comes', () => {
    const told = fc.property(fc.string(), (code) => handshakeFailureKinds.includes(kindOf(code)));
    expect(() => fc.assert(told)).not.toThrow();
  });
});

describe('the metrics of OPERATIONS', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/OPERATIONS.md'), 'utf8');
  const [, section = ''] = /### The broker's metrics\n([\s\S]*?)\n## /.exec(page) ?? [];

  it('are those that there are, all of them, and what the alerts ask for', async () => {
    await start();
    const text = await (await fetch(fleet.metricsUrl)).text();
    const there = [...text.matchAll(/^# TYPE gatehouse_broker_(\w+) /gm)].map(([, name]) => name);
    const rows = section.split('\n').filter((line) => line.startsWith('| `'));
    const first = rows.map((row) => row.split('|')[1] ?? '');
    const told = first.flatMap((cell) => [...cell.matchAll(/`(\w+)[^`]*`/g)].map(([, name]) => name));
    expect(told.sort()).toEqual(there.sort());
    const asked = [...page.matchAll(/gatehouse_broker_([a-z_]*[a-z])/g)].map(([, name]) => name);
    expect(asked.length).toBeGreaterThan(8);
    expect(asked.filter((name) => !there.includes(name))).toEqual([]);
    const [, alerts = ''] = /```yaml\n([\s\S]*?)```/.exec(section) ?? [];
    const shape = { alert: expect.any(String), expr: expect.any(String), annotations: expect.anything() };
    for (const rule of parseYaml(alerts).groups[0].rules) expect(rule).toMatchObject(shape);
  });
});
