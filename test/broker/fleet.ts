/**
 * A broker with everything real around it: a data folder with a SQLite registry and a server certificate, TLS,
 * and devices whose certificates a CA of this test's own has issued.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { connect, connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { pino } from 'pino';
import type { BrokerLimits } from '../../broker/limits.ts';
import { startBroker } from '../../broker/service.ts';
import type { GatehouseError } from '../../core/errors.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { writeFileAtomic } from '../../runtime/atomic-file.ts';
import { systemClock } from '../../runtime/clock.ts';
import { dataLayout } from '../../runtime/layout.ts';
import { readSettings } from '../../runtime/settings.ts';
import { Closers } from '../../runtime/shutdown.ts';
import { createAuthority } from '../pki/test-authority.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolders } from '../support/temporary-folder.ts';
import { type Identity, issueServer } from './authority.ts';
import { World, type WorldParts } from './world.ts';

export interface FleetOptions {
  readonly limits?: Partial<BrokerLimits>;
  /** False leaves the broker to be started by the test. */
  readonly start?: boolean;
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly rule?: string;
  readonly [field: string]: unknown;
}

export class Fleet extends World {
  readonly folder: string;
  readonly log: LogLine[] = [];
  /** What the broker's process would have ended for. */
  readonly fatal: GatehouseError[] = [];
  readonly #options: FleetOptions;
  readonly #closers = new Closers();
  readonly #logger = pino({ level: 'trace' }, { write: (line) => void this.log.push(JSON.parse(line)) });
  readonly #clients = new Set<MqttClient>();
  #mqttUrl = '';
  #wssUrl = '';
  #metricsUrl = '';

  private constructor(options: FleetOptions, folder: string, parts: WorldParts) {
    super(parts);
    this.#options = options;
    this.folder = folder;
  }

  /** Its broker runs, unless the options say otherwise. */
  static async create(options: FleetOptions = {}): Promise<Fleet> {
    const folder = mkdtempSync(join(temporaryFolders, 'gatehouse-broker-'));
    const layout = dataLayout(folder);
    const registry = await openRegistry({ file: layout.registry.database, clock: systemClock });
    const { root, issuing } = await createAuthority({ now: Date.now() });
    const fleet = new Fleet(options, folder, { registry, root, issuing });
    await fleet.fillRegistry();
    await fleet.renewServerCertificate();
    if (options.start !== false) await fleet.startBroker();
    return fleet;
  }

  get port(): number {
    return Number(new URL(this.#mqttUrl).port);
  }

  /** Where the flags have given it a port. */
  get wssUrl(): string {
    return this.#wssUrl;
  }

  get metricsUrl(): string {
    return this.#metricsUrl;
  }

  get layout() {
    return dataLayout(this.folder);
  }

  /** PEM of the trust anchor. */
  get ca(): string {
    return this.root.certificate.pem;
  }

  /** @param flags settings other than those for a test */
  async startBroker(flags: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const settings = readSettings(
      {
        data: this.folder,
        host: '127.0.0.1',
        hostname: 'localhost',
        mqttPort: 0,
        metricsHost: '127.0.0.1',
        metricsPort: 0,
        ...flags,
      },
      {},
    );
    const { limits } = this.#options;
    const { mqttUrl, wssUrl, metricsUrl } = await startBroker({
      settings,
      log: this.#logger,
      closers: this.#closers,
      onFatal: (error) => this.fatal.push(error),
      ...(limits && { limits }),
    });
    this.#mqttUrl = mqttUrl;
    this.#wssUrl = wssUrl ?? '';
    this.#metricsUrl = metricsUrl;
  }

  stopBroker(): Promise<void> {
    return this.#closers.closeAll(this.#logger);
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.end(true);
    await this.stopBroker();
    await this.registry.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async renewServerCertificate(): Promise<Identity> {
    const server = await issueServer(this.issuing, 'gatehouse broker');
    await writeFileAtomic(this.layout.tls.broker, server.key + server.chain);
    return server;
  }

  // Clients

  /** Rejects with mqtt.js' error where CONNACK refuses. */
  async connect(identity: Identity, options: IClientOptions = {}): Promise<MqttClient> {
    return this.#keep(await connectAsync(this.#mqttUrl, this.#clientOptions(identity, options)));
  }

  /** In a WebSocket. */
  async connectByWebSocket(identity: Identity, options: IClientOptions = {}): Promise<MqttClient> {
    return this.#keep(await connectAsync(this.#wssUrl, this.#clientOptions(identity, options)));
  }

  /** One that is about to connect. */
  client(identity: Identity, options: IClientOptions = {}): MqttClient {
    return this.#keep(connect(this.#mqttUrl, this.#clientOptions(identity, options)));
  }

  /** Resolves when the broker has acted on every row of the journal up to now. */
  async journalRead(): Promise<void> {
    const last = await this.enroll(`last-${randomUUID()}`);
    const client = await this.connect(last);
    await this.revoke(last.id);
    await eventually(() => !client.connected);
  }

  // What the broker tells

  /** The value of one sample, 0 where there is none yet; `name` without its `gatehouse_broker_`. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const text = await (await fetch(this.#metricsUrl)).text();
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    for (const line of text.split('\n')) {
      const [, sample, sampleLabels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (sample !== `gatehouse_broker_${name}`) continue;
      if (wanted.every((label) => sampleLabels.includes(label))) return Number(value);
    }
    return 0;
  }

  refusals(rule: string): Promise<number> {
    return this.metric('refused_total', { rule });
  }

  health(): Promise<Response> {
    return fetch(new URL('/health', this.#metricsUrl));
  }

  /** The newest line with this message about this rule; waits for it. */
  logged(msg: string, rule: string): Promise<LogLine> {
    return eventually(() => this.log.findLast((line) => line.msg.startsWith(msg) && line.rule === rule));
  }

  #clientOptions(identity: Identity, options: IClientOptions): IClientOptions {
    return {
      ca: this.ca,
      key: identity.key,
      cert: identity.chain,
      clientId: identity.id,
      reconnectPeriod: 0,
      connectTimeout: 60_000,
      ...options,
    };
  }

  #keep(client: MqttClient): MqttClient {
    client.on('error', () => {}); // what breaks a live connection closes it too
    this.#clients.add(client);
    client.once('close', () => this.#clients.delete(client));
    return client;
  }
}
