/**
 * SIGKILL of enroll in the middle of a bulk, and in the middle of a thousand single revocations: what was answered stands,
 * in the registry and at the broker; the bulk is whole or absent.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { Agent, request } from 'undici';
import { verifyChain } from '../../core/journal/chain.ts';
import { LineCutter } from '../../core/lines.ts';
import type { RegistryView } from '../../registry/port/registry.ts';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { imported } from '../import/importing.ts';
import { startTestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import {
  type BrokerProcess,
  type EnrollProcess,
  killProcess,
  startBrokerProcess,
  startEnrollProcess,
} from '../support/role-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const SINGLES = 300;
const BULK = 3_000;
const CONNECTED = 3;
/** One for each kill within a bulk. */
const GROUPS = ['doomed-1', 'doomed-2', 'doomed-3'] as const;

let data: string;
let ca: string;
let adminToken: string;
let file: string;
let holders: Holder[];
let broker: BrokerProcess;
let enroll: EnrollProcess;
let dispatcher: Agent;

beforeAll(async () => {
  const service = await startTestEnroll(folder);
  ({ ca, adminToken } = service);
  ({ data } = service.settings);
  file = service.layout.registry.database;
  holders = [];
  for (const group of ['devices', ...GROUPS]) {
    await service.operator('PUT', `/groups/${group}`, { profile: 'device', policy: 'device' });
    for (let index = 0; index < CONNECTED; index++) {
      holders.push(await enrollHolder(service, `${group}-connected-${index}`, { group }));
    }
    await imported(service, listOf(group, group === 'devices' ? SINGLES : BULK));
  }
  await service.close();
  broker = await startBrokerProcess(data);
});
afterAll(() => void broker?.child.kill('SIGKILL'));
beforeEach(async () => {
  enroll = await startEnrollProcess(data);
  dispatcher = new Agent({ connect: { ca } });
});
afterEach(async () => {
  enroll.child.kill('SIGKILL');
  await dispatcher.destroy();
});

function listOf(group: string, length: number) {
  return Array.from({ length }, (_, index) => ({ id: `${group}:${index}`, group }));
}
function post(path: string, body: object) {
  return request(`${enroll.adminUrl}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    dispatcher,
  });
}
function connect({ deviceId, key, cert }: Holder): Promise<MqttClient> {
  return connectAsync(broker.mqttUrl, { clientId: deviceId, key, cert, ca, reconnectPeriod: 0 }, false);
}
async function withRegistry<Result>(use: (registry: RegistryView) => Promise<Result>): Promise<Result> {
  const registry = await openRegistryView({ file });
  try {
    return await use(registry);
  } finally {
    await registry.close();
  }
}
const revokedIn = (registry: RegistryView, group: string) =>
  registry
    .devices({ status: 'revoked', limit: 100_000 })
    .then((devices) => devices.filter((device) => device.group === group).map(({ id }) => String(id)));

it('among hundreds of single ones: each that was answered stands, at the broker too', async () => {
  const mine = holders.filter(({ deviceId }) => deviceId.startsWith('devices-connected'));
  const clients = await Promise.all(mine.map(connect));
  const ids = listOf('devices', SINGLES).map(({ id }) => id);
  for (const [index, { deviceId }] of mine.entries()) ids.splice(index * 100, 0, deviceId);

  const answered: string[] = [];
  const revoke = async (id: string) => {
    try {
      const { statusCode, body } = await post(`/devices/${id}/revoke`, {});
      await body.dump();
      if (statusCode === 200) answered.push(id);
    } catch {
      // It was killed.
    }
  };
  const pending = [...ids];
  const workers = Array.from({ length: 4 }, async () => {
    for (let id = pending.shift(); id !== undefined; id = pending.shift()) await revoke(id);
  });
  await eventually(() => answered.length >= SINGLES / 2);
  await killProcess(enroll.child);
  await Promise.all(workers);
  expect(answered.length).toBeLessThan(SINGLES);

  const revoked = await withRegistry((registry) => revokedIn(registry, 'devices'));
  expect(answered.filter((id) => !revoked.includes(id))).toEqual([]);
  for (const [index, holder] of mine.entries()) {
    if (!answered.includes(holder.deviceId)) continue;
    await eventually(() => clients[index]?.connected === false);
    await expect(connect(holder)).rejects.toHaveProperty('code', 5);
  }
  await Promise.all(clients.map((client) => client.endAsync(true)));
});

it.each(GROUPS.map((group, index) => [index + 1, group] as const))(
  'in the middle of a bulk, at line %d of its answer: all of it stands, or nothing',
  async (line, group) => {
    const mine = holders.filter(({ deviceId }) => deviceId.startsWith(group));
    const all = BULK + CONNECTED;
    const clients = await Promise.all(mine.map(connect));
    const { body } = await post(`/groups/${group}/revoke`, { atMost: all });
    const answer = await linesUntilKilled(body, line);
    await killProcess(enroll.child);

    const revoked = await withRegistry(async (registry) => {
      const rows = await registry.journal(0, 1_000_000);
      expect(verifyChain(rows).seq).toBe(rows.length);
      const told = rows.flatMap(({ event }) =>
        event.action === 'devices.revoked' && event.subject === group ? event.data.devices : [],
      );
      const ids = await revokedIn(registry, group);
      expect(told.map(({ id }) => String(id)).toSorted()).toEqual(ids.toSorted());
      return ids;
    });
    expect([0, all]).toContain(revoked.length);
    if (answer.some((text) => text.includes('"result"'))) expect(revoked.length).toBe(all);
    if (revoked.length > 0) await eventually(() => clients.every(({ connected }) => !connected));
    else expect(clients.every(({ connected }) => connected)).toBe(true);
    await Promise.all(clients.map((client) => client.endAsync(true)));
  },
);

async function linesUntilKilled(body: AsyncIterable<Uint8Array>, number: number): Promise<string[]> {
  const cutter = new LineCutter({ maxBytes: 10_000 });
  const lines: string[] = [];
  try {
    for await (const chunk of body) {
      for (const line of cutter.push(chunk)) {
        lines.push('text' in line ? line.text : '');
        if (line.number === number) enroll.child.kill('SIGKILL');
      }
    }
  } catch {
    // The connection ends with the process.
  }
  return lines;
}
