/** A renewal from its beginning to its end, by the two processes of `gatehouse up`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { Agent, request } from 'undici';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import type { TokenCreated } from '../../core/api/tokens.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { csrPem } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { startGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { prepareData } from '../support/prepared-data.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Holder, holderOf } from './renewing.ts';

const folder = temporaryFolder();
let gatehouse: TestGatehouse;
let ca: string;
const clients: MqttClient[] = [];
beforeAll(async () => {
  gatehouse = await startGatehouse(await prepareData(join(folder, 'data')));
  ca = readFileSync(gatehouse.caFile, 'utf8');
});
afterAll(async () => {
  for (const client of clients) client.end(true);
  await gatehouse?.stop();
});

async function obtain(path: string, csr: string, by: { token: string } | Holder): Promise<EnrollResponse> {
  const tls = 'token' in by ? { ca } : { ca, key: by.key, cert: by.cert };
  const dispatcher = new Agent({ connect: tls });
  const authorization = 'token' in by ? { authorization: `Bearer ${by.token}` } : {};
  const answer = await request(`${gatehouse.enrollUrl}${path}`, {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization },
    body: JSON.stringify({ csr }),
  });
  expect(answer.statusCode).toBe(201);
  const body = (await answer.body.json()) as EnrollResponse;
  await dispatcher.close();
  return body;
}

async function connect({ key, cert, deviceId }: Holder, clientId: string = deviceId): Promise<MqttClient> {
  const client = await connectAsync(gatehouse.mqttUrl, { ca, key, cert, clientId, reconnectPeriod: 0 });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

it('ends with the old certificate superseded, and not before the new one was used', async () => {
  const privateKey = await generatePrivateKey();
  const csr = await csrPem({ commonName: 'pump-1', privateKey });
  const { token } = await gatehouse.json<TokenCreated>('token', 'create', '--device', 'pump-1');
  const old = holderOf(await obtain('/v1/enroll', csr, { token }), privateKey);
  const forgotten = await connect(old, 'pump-1/forgotten');
  const successor = holderOf(await obtain('/v1/renew', csr, old), privateKey);
  const before = await connect(old);
  expect([before.connected, forgotten.connected]).toEqual([true, true]);

  // The new certificate takes the session over, and in its wake the old one ends wherever it stands.
  const after = await connect(successor);
  await eventually(() => !before.connected && !forgotten.connected);
  expect(after.connected).toBe(true);
  await expect(connect(old)).rejects.toHaveProperty('code', 5);
  const { certificates } = await gatehouse.json<DeviceDetail>('device', 'show', 'pump-1');
  expect(certificates.map(({ serialNumber, status }) => [serialNumber, status])).toEqual([
    [successor.serialNumber, 'active'],
    [old.serialNumber, 'superseded'],
  ]);
});
