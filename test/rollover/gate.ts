/** A whole Gatehouse in this process, on one data folder: enroll and broker, and devices that come with certificates. */
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { generate } from 'mqtt-packet';
import { pino } from 'pino';
import { startBroker } from '../../broker/service.ts';
import type { CaRetirement, CaRotation, CaStatusView, IssuerView } from '../../core/api/issuers.ts';
import type { Problem } from '../../core/api/problem.ts';
import { readSettings } from '../../runtime/settings.ts';
import { Closers } from '../../runtime/shutdown.ts';
import type { LogLine } from '../broker/fleet.ts';
import { connectPacket } from '../broker/raw-client.ts';
import type { Holder } from '../enrollment/renewing.ts';
import { type Answer, runTestEnroll, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';

export class Gate {
  readonly log: LogLine[] = [];
  readonly #logger = pino({ level: 'debug' }, { write: (line) => void this.log.push(JSON.parse(line)) });
  readonly #clients = new Set<MqttClient>();
  #enroll: TestEnroll;
  #closers = new Closers();
  #mqttUrl = '';

  private constructor(enroll: TestEnroll) {
    this.#enroll = enroll;
  }

  static async open(folder: string): Promise<Gate> {
    const gate = new Gate(await startTestEnroll(folder));
    await gate.startBroker();
    return gate;
  }

  get enroll(): TestEnroll {
    return this.#enroll;
  }

  get port(): number {
    return Number(new URL(this.#mqttUrl).port);
  }

  async startBroker(): Promise<void> {
    const { settings } = this.#enroll;
    const flags = { data: settings.data, host: '127.0.0.1', hostname: 'localhost' };
    const ports = { mqttPort: 0, metricsPort: 0, metricsHost: '127.0.0.1' };
    this.#closers = new Closers();
    const { mqttUrl } = await startBroker({
      settings: readSettings({ ...flags, ...ports }, {}),
      log: this.#logger,
      closers: this.#closers,
      onFatal: (error) => {
        throw error;
      },
    });
    this.#mqttUrl = mqttUrl;
  }

  /** Both processes end and come back, on other ports. */
  async restart(): Promise<void> {
    await this.#closers.closeAll(this.#logger);
    await this.#enroll.close();
    this.#enroll = await runTestEnroll(this.#enroll.settings, this.#enroll.layout);
    await this.startBroker();
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.end(true);
    await this.#closers.closeAll(this.#logger);
    await this.#enroll.close();
  }

  // What operators do

  async rotate(terms: { readonly root?: boolean } = {}): Promise<CaRotation> {
    const { status, body } = await this.#enroll.operator<CaRotation>('POST', '/issuers/rotate', terms);
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body;
  }

  retire(
    { fingerprint }: Pick<IssuerView, 'fingerprint'>,
    lockOut = 0,
  ): Promise<Answer<CaRetirement & Problem>> {
    return this.#enroll.operator('POST', `/issuers/${fingerprint}/retire`, { lockOut });
  }

  async status(): Promise<CaStatusView> {
    return (await this.#enroll.operator<CaStatusView>('GET', '/issuers/status')).body;
  }

  async issuers(): Promise<readonly IssuerView[]> {
    return (await this.#enroll.operator<{ items: IssuerView[] }>('GET', '/issuers')).body.items;
  }

  async issuer(kind: IssuerView['kind'], status: IssuerView['status']): Promise<IssuerView> {
    const found = (await this.issuers()).find((one) => one.kind === kind && one.status === status);
    if (found === undefined) throw new Error(`no ${kind} is ${status}`);
    return found;
  }

  // What devices do

  async connect(holder: Holder, options: IClientOptions = {}): Promise<MqttClient> {
    const { key, cert, deviceId: clientId } = holder;
    const identity = { key, cert, clientId, ca: this.#enroll.ca, reconnectPeriod: 0 };
    const client = await connectAsync(this.#mqttUrl, { ...identity, ...options }, false);
    client.on('error', () => {});
    this.#clients.add(client);
    return client;
  }

  /** One TLS connection and one CONNECT: whether the session was resumed, what CONNACK says, and a ticket to resume. */
  async visit(holder: Holder, { version, session }: VisitOptions): Promise<Visit> {
    const socket = connectTls({
      ...{ host: '127.0.0.1', port: this.port, servername: 'localhost', ca: this.#enroll.ca },
      ...{ key: holder.key, cert: holder.cert, minVersion: version, maxVersion: version },
      ...(session && { session }),
    });
    let ticket: Buffer | undefined;
    let closed = false;
    let received = Buffer.alloc(0);
    socket
      .on('session', (given) => {
        ticket = given;
      })
      .on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
      })
      .on('error', () => {})
      .on('close', () => {
        closed = true;
      });
    await once(socket, 'secureConnect');
    const resumed = socket.isSessionReused();
    socket.write(generate(connectPacket(holder.deviceId)));
    await eventually(() => received.length >= 4 || closed);
    // A session that was resumed is given no other.
    const given = received[3] === 0 && !session ? await eventually(() => ticket) : undefined;
    return { socket, resumed, connack: received[3], ticket: given };
  }

  /** The newest line of the broker's log about this rule. */
  logged(rule: string): Promise<LogLine> {
    return eventually(() => this.log.findLast((line) => line.rule === rule));
  }

  /** The serial number of the certificate that a listener serves. */
  served(port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const target = { host: '127.0.0.1', port, servername: 'localhost', ca: this.#enroll.ca };
      const socket = connectTls(target, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      }).once('error', reject);
    });
  }
}

interface VisitOptions {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  readonly session?: Buffer | undefined;
}

interface Visit {
  readonly socket: TLSSocket;
  readonly resumed: boolean;
  readonly connack: number | undefined;
  readonly ticket: Buffer | undefined;
}
