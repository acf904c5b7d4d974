/** A broker that is killed leaves nobody online: neither in the registry nor, in its next run, by its topics. */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { connectAsync, type IClientOptions } from 'mqtt';
import { Agent, request } from 'undici';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import { csrPem } from '../support/enroll-service.ts';
import { startGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { eventually } from './eventually.ts';
import { Inbox } from './inbox.ts';

const folder = temporaryFolder();
const data = join(folder, 'data');
let gatehouse: TestGatehouse;
afterEach(() => gatehouse.stop());

/** Of the child of `gatehouse up` that runs the broker. */
async function brokerPid(): Promise<number> {
  const { pid } = gatehouse.process;
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  for (const child of children) {
    if ((await readFile(`/proc/${child}/cmdline`, 'utf8')).split('\0').includes('broker'))
      return Number(child);
  }
  throw new Error('there is no broker');
}

async function enroll(id: string, ...terms: string[]): Promise<IClientOptions> {
  const { token } = await gatehouse.json<{ token: string }>('token', 'create', '--device', id, ...terms);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ca = readFileSync(gatehouse.caFile);
  const dispatcher = new Agent({ connect: { ca } });
  const { statusCode, body } = await request(`${gatehouse.enrollUrl}/v1/enroll`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ csr: await csrPem({ commonName: id, privateKey }) }),
    dispatcher,
  });
  const { certificate, chain } = (await body.json()) as EnrollResponse;
  await dispatcher.close();
  expect(statusCode).toBe(201);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return { ca, key, cert: certificate + chain, clientId: id };
}

const presence = async (id: string) => (await gatehouse.json<DeviceDetail>('device', 'show', id)).presence;

// By /proc: other systems tell a process's children by other means.
(existsSync('/proc/self/task') ? it : it.skip)(
  'is told by the registry and by the topics alike',
  async () => {
    gatehouse = await startGatehouse(data);
    const device = await enroll('pump-1');
    await gatehouse.command('policy', 'apply', watcherPolicy());
    await gatehouse.command(
      'group',
      'apply',
      '--name',
      'watchers',
      '--policy',
      'watcher',
      '--profile',
      'device',
    );
    const service = await enroll('watcher', '--group', 'watchers');

    const client = await connectAsync(gatehouse.mqttUrl, { ...device, reconnectPeriod: 0 });
    client.on('error', () => {});
    await eventually(async () => (await presence('pump-1'))?.status === 'online', 15_000);

    process.kill(await brokerPid(), 'SIGKILL');
    await eventually(() => gatehouse.process.exitCode !== null, 15_000); // `up` ends with either of its processes
    client.end(true);
    gatehouse = await startGatehouse(data);

    const offline = await eventually(async () => {
      const seen = await presence('pump-1');
      return seen?.status === 'offline' && seen;
    }, 15_000);
    expect(offline.reason).toBe('broker_ended');
    const watcher = await connectAsync(gatehouse.mqttUrl, { ...service, reconnectPeriod: 0 });
    const inbox = new Inbox(watcher);
    await watcher.subscribeAsync('$presence/pump-1');
    const [told] = await eventually(() => inbox.messages.length > 0 && inbox.messages);
    expect(told).toMatchObject({ retain: true, topic: '$presence/pump-1' });
    expect(JSON.parse(told?.payload ?? '')).toMatchObject({ status: 'offline', reason: 'broker_ended' });
    await watcher.endAsync();
  },
  90_000,
);

function watcherPolicy(): string {
  const file = join(folder, 'watcher.yaml');
  writeFileSync(file, 'name: watcher\nsubscribe: ["$presence/#"]\npublish: ["devices/{id}/#"]\n');
  return file;
}
