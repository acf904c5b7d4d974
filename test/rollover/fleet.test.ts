/**
 * A fleet that never stops sending, through the whole of a root rollover, across the processes as in production: no
 * connection is lost but those that the devices give up themselves, and no message.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import mqtt, { type MqttClient } from 'mqtt';
import { Agent, request } from 'undici';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import type { CaStatusView } from '../../core/api/issuers.ts';
import type { TokenCreated } from '../../core/api/tokens.ts';
import { generatePrivateKey, privateKeyPem } from '../../device-sim/identity/private-key.ts';
import { csrPem } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { startGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { prepareData } from '../support/prepared-data.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DEVICES = 20;
const folder = temporaryFolder();
let gatehouse: TestGatehouse;
/** As the devices were given it, before anything was rolled over. */
let firstRoot: string;
let fleet: readonly Sender[];
let reader: MqttClient;
const received = new Set<string>();

/** A device that publishes all the time, one message after another. */
class Sender {
  readonly id: string;
  readonly #key: string;
  readonly #newCsr: () => Promise<string>;
  #certificate: EnrollResponse;
  #client: MqttClient | undefined;
  #sent = 0;
  #drops = 0;
  #pending: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  private constructor(id: string, key: string, newCsr: () => Promise<string>, certificate: EnrollResponse) {
    this.id = id;
    this.#key = key;
    this.#newCsr = newCsr;
    this.#certificate = certificate;
  }

  static async enroll(id: string, token: string): Promise<Sender> {
    const privateKey = await generatePrivateKey();
    const newCsr = () => csrPem({ commonName: id, privateKey });
    const authorization = { authorization: `Bearer ${token}` };
    return new Sender(
      id,
      privateKeyPem(privateKey),
      newCsr,
      await post('/v1/enroll', await newCsr(), authorization),
    );
  }

  get drops(): number {
    return this.#drops;
  }

  get sent(): readonly string[] {
    return Array.from({ length: this.#sent }, (_, index) => `${this.id} ${index + 1}`);
  }

  get identity() {
    const { certificate, chain } = this.#certificate;
    return { key: this.#key, cert: certificate + chain, ca: firstRoot };
  }

  async start(): Promise<void> {
    const options = { ...this.identity, clientId: this.id, reconnectPeriod: 0, clean: false };
    const client = await mqtt.connectAsync(gatehouse.mqttUrl, options, false);
    this.#client = client;
    client.on('error', () => {}).on('close', () => this.#client === client && this.#drops++);
    this.#timer = setInterval(() => this.#publish(client), 50);
  }

  /** Ends the connection once everything is acknowledged. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#pending;
    const client = this.#client;
    this.#client = undefined;
    await client?.endAsync();
  }

  async renew(): Promise<void> {
    const agent = new Agent({ connect: this.identity });
    this.#certificate = await post('/v1/renew', await this.#newCsr(), {}, agent);
    await agent.close();
    await this.stop();
    await this.start();
  }

  #publish(client: MqttClient): void {
    this.#sent += 1;
    const message = client.publishAsync(`devices/${this.id}/telemetry`, String(this.#sent), { qos: 1 });
    this.#pending = Promise.all([this.#pending, message]);
  }
}

async function post(path: string, csr: string, headers: object, agent?: Agent): Promise<EnrollResponse> {
  const dispatcher = agent ?? new Agent({ connect: { ca: firstRoot } });
  const answer = await request(`${gatehouse.enrollUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ csr }),
    dispatcher,
  });
  const body = (await answer.body.json()) as EnrollResponse;
  if (agent === undefined) await dispatcher.close();
  if (answer.statusCode !== 201) throw new Error(JSON.stringify(body));
  return body;
}

beforeAll(async () => {
  gatehouse = await startGatehouse(await prepareData(join(folder, 'data')), '--log-level', 'warn');
  firstRoot = readFileSync(gatehouse.caFile, 'utf8');
  const service = await gatehouse.json<TokenCreated>(
    'token',
    'create',
    '--group',
    'services',
    '--device',
    'reader',
  );
  const { identity } = await Sender.enroll('reader', service.token);
  reader = await mqtt.connectAsync(gatehouse.mqttUrl, {
    ...identity,
    clientId: 'reader',
    reconnectPeriod: 0,
  });
  reader.on('message', (topic, payload) => received.add(`${topic.split('/')[1]} ${payload}`));
  await reader.subscribeAsync('devices/+/telemetry', { qos: 1 });
  fleet = await Promise.all(
    Array.from({ length: DEVICES }, (_, index) => Sender.enroll(`unit-${index}`, gatehouse.token)),
  );
  await Promise.all(fleet.map((sender) => sender.start()));
});
afterAll(async () => {
  await Promise.all(fleet?.map((sender) => sender.stop()) ?? []);
  await reader?.endAsync(true);
  await gatehouse?.stop();
});

describe('a fleet that never stops sending', () => {
  it('goes through a root rollover, from the first step to the last, without losing anything', async () => {
    const status = () => gatehouse.json<CaStatusView>('ca', 'status');
    expect((await gatehouse.command('ca', 'rotate', '--root')).code).toBe(0);
    expect(await status()).toMatchObject({ devices: DEVICES + 1, moved: 0 });
    expect((await gatehouse.command('ca', 'retire')).code).toBe(1);

    // One after another, as a fleet does; the first half is enough to be seen on the way.
    for (const sender of fleet.slice(0, DEVICES / 2)) await sender.renew();
    await eventually(async () => (await status()).moved === DEVICES / 2);
    for (const sender of fleet.slice(DEVICES / 2)) await sender.renew();
    await eventually(async () => (await status()).moved === DEVICES);

    // Nobody but the reader, which never renewed, is left behind.
    expect((await gatehouse.command('ca', 'retire', '--dry-run')).stdout).toMatch(
      / 1 device would be .*\n {2}reader\n$/,
    );
    await Promise.all(fleet.map((sender) => sender.stop()));
    const sent = fleet.flatMap((sender) => [...sender.sent]);
    await eventually(() => sent.every((message) => received.has(message)));
    expect(sent.length).toBeGreaterThan(DEVICES * 20);
    expect(fleet.map(({ drops }) => drops)).toEqual(Array(DEVICES).fill(0));
    expect(reader.connected).toBe(true);

    await Promise.all(fleet.map((sender) => sender.start()));
    const cut = new Promise<void>((resolve) => reader.once('close', () => resolve()));
    expect((await gatehouse.command('ca', 'retire', '--lock-out', '1')).code).toBe(0);
    await cut;
    await Promise.all(fleet.map((sender) => sender.stop()));
    expect(fleet.map(({ drops }) => drops)).toEqual(Array(DEVICES).fill(0));
    expect((await gatehouse.command('journal', 'verify')).code).toBe(0);
  });
});
