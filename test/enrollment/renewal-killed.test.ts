/**
 * Devices that renew without end while enroll and broker are killed under them, wherever that cuts a renewal: none
 * is ever locked out, what was answered is there, and in the end each device has one certificate.
 */
import type { ChildProcess } from 'node:child_process';
import { afterAll, expect, it } from '@jest/globals';
import { connectAsync } from 'mqtt';
import { Agent, request } from 'undici';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import { parseDeviceId, parseSerialNumber } from '../../core/ids.ts';
import { verifyChain } from '../../core/journal/chain.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import { csrPem, startTestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { killProcess, startBrokerProcess, startEnrollProcess } from '../support/role-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { enrollHolder, type Holder, holderOf } from './renewing.ts';

const folder = temporaryFolder();
const DEVICES = 8;
const KILLS = 4;
/** Steps of renewals between two kills: about one round of all devices, so that each kill cuts others at other steps. */
const STEPS_BETWEEN = 11;

/** A process is back within a second or two. */
const PATIENCE_MS = 60_000;

type Role = 'enroll' | 'broker';
const running = new Map<Role, { readonly child: ChildProcess; readonly url: string }>();
afterAll(() => {
  for (const { child } of running.values()) child.kill('SIGKILL');
});

it('never locks a device out, whichever process dies between two steps', async () => {
  const service = await startTestEnroll(folder);
  const { data } = service.settings;
  const { ca, layout } = service;
  const devices: Holder[] = [];
  for (let index = 0; index < DEVICES; index++) devices.push(await enrollHolder(service, `pump-${index}`));
  await service.close();
  await start('enroll', data);
  await start('broker', data);

  const answered: Holder[] = [];
  let steps = 0;
  let killing = true;
  const current = new Map(devices.map((holder) => [holder.deviceId, holder]));
  const life = async (first: Holder) => {
    for (let holder = first; killing; ) {
      const privateKey = await generatePrivateKey();
      const csr = await csrPem({ commonName: holder.deviceId, privateKey });
      // As far as the device knows, the first answer was lost; now and then a kill sees to that by itself.
      await untilRenewed(holder, csr, ca);
      steps++;
      const successor = holderOf(await untilRenewed(holder, csr, ca), privateKey);
      answered.push(successor);
      steps++;
      await untilConnected(successor, ca);
      steps++;
      holder = successor;
      current.set(holder.deviceId, holder);
    }
  };
  const lives = Promise.all(devices.map(life));
  for (let kill = 1; kill <= KILLS; kill++) {
    await Promise.race([lives, eventually(() => steps >= kill * STEPS_BETWEEN)]);
    const role = kill % 2 === 1 ? 'enroll' : 'broker';
    await end(role);
    await start(role, data);
  }
  killing = false;
  await lives;

  const registry = await openRegistryView({ file: layout.registry.database });
  try {
    for (const { deviceId, serialNumber } of answered) {
      const record = await registry.certificateBySerial(parseSerialNumber(serialNumber));
      expect(record?.device).toBe(deviceId);
    }
    for (const [id, { serialNumber }] of current) {
      const active = async () =>
        (await registry.certificatesOf(parseDeviceId(id))).filter(({ status }) => status === 'active');
      await eventually(async () => (await active()).length === 1);
      expect((await active()).map((one) => one.serialNumber)).toEqual([serialNumber]);
    }
    const rows = await registry.journal(0, 1_000_000);
    expect(verifyChain(rows).seq).toBe(rows.length);
  } finally {
    await registry.close();
  }
});

/** As a device does whose answers get lost: the same request with the certificate it has, until it is answered. */
async function untilRenewed(holder: Holder, csr: string, ca: string): Promise<EnrollResponse> {
  const { status, body } = await unlessLost(async () => {
    const url = await urlOf('enroll');
    const dispatcher = new Agent({ connect: { ca, key: holder.key, cert: holder.cert } });
    try {
      const answer = await request(`${url}/v1/renew`, {
        dispatcher,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ csr }),
      });
      return { status: answer.statusCode, body: (await answer.body.json()) as EnrollResponse };
    } finally {
      await dispatcher.destroy();
    }
  });
  expect([200, 201]).toContain(status);
  return body;
}

async function untilConnected({ key, cert, deviceId }: Holder, ca: string): Promise<void> {
  const tls = { ca, key, cert };
  await unlessLost(async () => {
    const url = await urlOf('broker');
    const client = await connectAsync(url, { ...tls, clientId: deviceId, reconnectPeriod: 0 }, false);
    await client.endAsync();
  });
}

/** Tries again where nobody was there, or went away meanwhile; a refusal by CONNACK, which has a number, is none. */
async function unlessLost<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isRefusal = typeof (error as { code?: unknown }).code === 'number';
      if (isRefusal || performance.now() > deadline) throw error;
    }
  }
}

async function urlOf(role: Role): Promise<string> {
  return eventually(() => running.get(role)?.url);
}

async function start(role: Role, data: string): Promise<void> {
  if (role === 'enroll') {
    const { child, enrollUrl: url } = await startEnrollProcess(data);
    running.set(role, { child, url });
  } else {
    const { child, mqttUrl: url } = await startBrokerProcess(data);
    running.set(role, { child, url });
  }
}

async function end(role: Role): Promise<void> {
  const { child } = await eventually(() => running.get(role));
  running.delete(role);
  await killProcess(child);
}
