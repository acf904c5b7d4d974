/** Revocation across the processes, as in production: 80 devices connected, 20 revoked in a row by the command. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import mqtt, { type MqttClient } from 'mqtt';
import { Agent, request } from 'undici';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import type { TokenCreated } from '../../core/api/tokens.ts';
import { generatePrivateKey, privateKeyPem } from '../../device-sim/identity/private-key.ts';
import { csrPem } from '../support/enroll-service.ts';
import { startGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { prepareData } from '../support/prepared-data.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CONNECTED = 80;
const REVOKED = 20;

interface Device {
  readonly id: string;
  readonly key: string;
  readonly cert: string;
  readonly client: MqttClient;
  readonly closed: Promise<void>;
  isClosed(): boolean;
}

const folder = temporaryFolder();
let gatehouse: TestGatehouse;
let fleet: readonly Device[];
let dispatcher: Agent;
beforeAll(async () => {
  gatehouse = await startGatehouse(await prepareData(join(folder, 'data')), '--log-level', 'error');
  dispatcher = new Agent({ connect: { ca: readFileSync(gatehouse.caFile) }, connections: 8 });
  const { token } = await gatehouse.json<TokenCreated>('token', 'create', '--max-uses', String(CONNECTED));
  fleet = await Promise.all(
    Array.from({ length: CONNECTED }, (_, index) => joinFleet(token, `unit-${index}`)),
  );
});
afterAll(async () => {
  await Promise.all(fleet?.map(({ client }) => client.endAsync(true)) ?? []);
  await dispatcher?.close();
  await gatehouse?.stop();
});

async function joinFleet(token: string, id: string): Promise<Device> {
  const privateKey = await generatePrivateKey();
  const answer = await request(`${gatehouse.enrollUrl}/v1/enroll`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ csr: await csrPem({ commonName: id, privateKey }) }),
    dispatcher,
  });
  const { certificate, chain } = (await answer.body.json()) as EnrollResponse;
  const [key, cert] = [privateKeyPem(privateKey), certificate + chain];
  const client = await connect(id, key, cert);
  let closed = false;
  const closing = new Promise<void>((resolve) => {
    client.once('close', () => {
      closed = true;
      resolve();
    });
  });
  return { id, key, cert, client, closed: closing, isClosed: () => closed };
}

function connect(clientId: string, key: string, cert: string): Promise<MqttClient> {
  const ca = readFileSync(gatehouse.caFile);
  return mqtt.connectAsync(gatehouse.mqttUrl, { clientId, key, cert, ca, reconnectPeriod: 0 }, false);
}

describe('when 20 of 80 connected devices are revoked in a row', () => {
  it('each is cut off, none can come back, and nobody else is disturbed', async () => {
    const revoked = fleet.slice(0, REVOKED);
    const others = fleet.slice(REVOKED);
    const { code } = await gatehouse.command(
      'device',
      'revoke',
      ...revoked.map(({ id }) => id),
      '--reason',
      'keyCompromise',
    );
    expect(code).toBe(0);

    await Promise.all(revoked.map(({ closed }) => closed));
    expect(others.filter((device) => device.isClosed())).toEqual([]);
    // Not merely connected: each is still served.
    await Promise.all(
      others.map(({ id, client }) => client.publishAsync(`devices/${id}/telemetry`, '1', { qos: 1 })),
    );

    const attempts = await Promise.allSettled(revoked.map(({ id, key, cert }) => connect(id, key, cert)));
    expect(attempts.map(({ status }) => status)).toEqual(Array(REVOKED).fill('rejected'));
    const { status } = await gatehouse.json<DeviceDetail>('device', 'show', 'unit-0');
    expect(status).toBe('revoked');
    expect((await gatehouse.command('journal', 'verify')).code).toBe(0);
  });
});
