/**
 * A broker with everything real around it: a data folder with a SQLite registry and a server certificate, TLS,
 * and devices whose certificates a CA of this test's own has issued.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { pino } from 'pino';
import type { BrokerLimits } from '../../broker/limits.ts';
import { startBroker } from '../../broker/service.ts';
import type { Clock } from '../../core/clock.ts';
import { parseDeviceId, parseEntityName } from '../../core/ids.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import type { PolicyDocument } from '../../core/policy/policy.ts';
import { defaultPolicies } from '../../core/policy/policy.ts';
import type { Registry, RegistryTransaction } from '../../registry/port.ts';
import type { CertificateRecord, IssuerRecord } from '../../registry/records.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { writeFileAtomic } from '../../runtime/atomic-file.ts';
import { dataLayout } from '../../runtime/layout.ts';
import { readSettings } from '../../runtime/settings.ts';
import { Closers } from '../../runtime/shutdown.ts';
import { createAuthority } from '../pki/test-authority.ts';
import { type Identity, type IssueOptions, issueDevice, issueServer } from './authority.ts';
import { eventually } from './eventually.ts';

export interface FleetOptions {
  readonly limits?: Partial<BrokerLimits>;
  /** The broker's clock. */
  readonly clock?: Clock;
  /** False leaves the broker to be started by the test. */
  readonly start?: boolean;
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly rule?: string;
  readonly [field: string]: unknown;
}

export interface DeviceOptions extends IssueOptions {
  readonly group?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  /** What the registry holds differently from the certificate. */
  readonly record?: Partial<CertificateRecord>;
}

const systemClock: Clock = { now: () => Date.now() };

export class Fleet {
  readonly folder: string;
  readonly registry: Registry;
  readonly issuing: Issuer;
  readonly root: Issuer;
  readonly log: LogLine[] = [];
  readonly #options: FleetOptions;
  readonly #closers = new Closers();
  readonly #logger = pino({ level: 'trace' }, { write: (line) => void this.log.push(JSON.parse(line)) });
  readonly #clients = new Set<MqttClient>();
  #mqttUrl = '';
  #metricsUrl = '';

  private constructor(
    options: FleetOptions,
    parts: { folder: string; registry: Registry; root: Issuer; issuing: Issuer },
  ) {
    this.#options = options;
    this.folder = parts.folder;
    this.registry = parts.registry;
    this.root = parts.root;
    this.issuing = parts.issuing;
  }

  /** Groups: `default` with policy `device`, `services` with `telemetry-reader`. */
  static async create(options: FleetOptions = {}): Promise<Fleet> {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-broker-'));
    const layout = dataLayout(folder);
    const registry = await openRegistry({ file: layout.registry.database, clock: systemClock });
    const { root, issuing } = await createAuthority({ now: Date.now() });
    const fleet = new Fleet(options, { folder, registry, root, issuing });
    await fleet.#fillRegistry();
    await fleet.renewServerCertificate();
    if (options.start !== false) await fleet.startBroker();
    return fleet;
  }

  get port(): number {
    return Number(new URL(this.#mqttUrl).port);
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
    const { limits, clock } = this.#options;
    const { mqttUrl, metricsUrl } = await startBroker({
      settings,
      log: this.#logger,
      closers: this.#closers,
      ...(limits && { limits }),
      ...(clock && { clock }),
    });
    this.#mqttUrl = mqttUrl;
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

  // The devices

  /** A device in good standing, unless `options.record` says otherwise. */
  async enroll(id: string, options: DeviceOptions = {}): Promise<Identity> {
    const identity = await issueDevice(this.issuing, id, options);
    await this.record(identity, options);
    return identity;
  }

  /** Adds a certificate, and its device where that is new, without superseding any. */
  async record(
    { id, der, serialNumber, fingerprint, keyFingerprint, notBefore, notAfter }: Identity,
    { group = 'default', attributes = {}, record = {} }: DeviceOptions = {},
  ): Promise<void> {
    const device = parseDeviceId(id);
    const now = Date.now();
    const issuer = this.issuing.certificate.fingerprint;
    await this.registry.write('system', async (transaction) => {
      if ((await transaction.device(device)) === undefined) {
        await transaction.insertDevice({
          id: device,
          group: parseEntityName(group),
          status: 'active',
          attributes,
          createdAt: now,
          changedAt: now,
        });
      }
      await transaction.insertCertificate({
        serialNumber,
        fingerprint,
        keyFingerprint,
        device,
        issuer,
        status: 'active',
        notBefore,
        notAfter,
        issuedAt: now,
        revokedAt: null,
        reason: null,
        renews: null,
        firstUsedAt: null,
        der,
        ...record,
      });
      await transaction.append({
        action: 'device.enrolled',
        subject: device,
        data: {
          ...{ serialNumber, fingerprint, issuer, notAfter, group: parseEntityName(group) },
          token: 'test',
          superseded: [],
        },
      });
    });
  }

  /** Resolves when it is committed. */
  async revoke(id: string): Promise<void> {
    const device = parseDeviceId(id);
    await this.registry.write('system', async (transaction) => {
      const serialNumbers = await serialNumbersOf(transaction, id);
      await transaction.updateDevice(device, { status: 'revoked' });
      await transaction.setCertificateStatus(serialNumbers, 'revoked', Date.now(), 'keyCompromise');
      const data = { reason: 'keyCompromise', serialNumbers } as const;
      await transaction.append({ action: 'device.revoked', subject: device, data });
    });
  }

  /** The journal's word alone, to see what it leads to: the registry goes on holding the device active. */
  async announceRevocation(id: string): Promise<void> {
    await this.registry.write('system', (transaction) =>
      transaction.append({
        action: 'device.revoked',
        subject: parseDeviceId(id),
        data: { reason: 'unspecified', serialNumbers: [] },
      }),
    );
  }

  /** Resolves when the broker has acted on every row of the journal up to now. */
  async journalRead(): Promise<void> {
    const last = await this.enroll(`last-${randomUUID()}`);
    const client = await this.connect(last);
    await this.revoke(last.id);
    await eventually(() => !client.connected);
  }

  async suspend(id: string): Promise<void> {
    const device = parseDeviceId(id);
    await this.registry.write('system', async (transaction) => {
      const serialNumbers = await serialNumbersOf(transaction, id);
      await transaction.updateDevice(device, { status: 'suspended' });
      await transaction.setCertificateStatus(serialNumbers, 'suspended', Date.now(), 'certificateHold');
      await transaction.append({ action: 'device.suspended', subject: device, data: { serialNumbers } });
    });
  }

  async resume(id: string): Promise<void> {
    const device = parseDeviceId(id);
    await this.registry.write('system', async (transaction) => {
      const serialNumbers = await serialNumbersOf(transaction, id);
      await transaction.updateDevice(device, { status: 'active' });
      await transaction.setCertificateStatus(serialNumbers, 'active', Date.now());
      await transaction.append({ action: 'device.resumed', subject: device, data: { serialNumbers } });
    });
  }

  /** Enrolls the device again: its other certificates are superseded. */
  async supersede(id: string): Promise<Identity> {
    const identity = await issueDevice(this.issuing, id);
    const { der, serialNumber, fingerprint, keyFingerprint, notBefore, notAfter } = identity;
    const device = parseDeviceId(id);
    const issuer = this.issuing.certificate.fingerprint;
    await this.registry.write('system', async (transaction) => {
      const superseded = await serialNumbersOf(transaction, id);
      await transaction.setCertificateStatus(superseded, 'superseded', Date.now());
      await transaction.insertCertificate({
        ...{ der, serialNumber, fingerprint, keyFingerprint, notBefore, notAfter, device, issuer },
        status: 'active',
        issuedAt: Date.now(),
        revokedAt: null,
        reason: null,
        renews: null,
        firstUsedAt: null,
      });
      const group = parseEntityName('default');
      await transaction.append({
        action: 'device.enrolled',
        subject: device,
        data: { serialNumber, fingerprint, issuer, notAfter, group, token: 'test', superseded },
      });
    });
    return identity;
  }

  async changeDevice(
    id: string,
    change: { readonly group?: string; readonly attributes?: Readonly<Record<string, string>> },
  ): Promise<void> {
    const device = parseDeviceId(id);
    await this.registry.write('system', async (transaction) => {
      const before = await transaction.device(device);
      if (before === undefined) throw new Error(`there is no ${id}`);
      const group = parseEntityName(change.group ?? before.group);
      const attributes = change.attributes ?? before.attributes;
      await transaction.updateDevice(device, { group, attributes });
      await transaction.append({ action: 'device.changed', subject: device, data: { group, attributes } });
    });
  }

  // Groups and policies

  async applyPolicy(policy: PolicyDocument): Promise<void> {
    const name = parseEntityName(policy.name);
    const document = JSON.stringify(policy);
    await this.registry.write('system', async (transaction) => {
      await transaction.putPolicy({ name, document, changedAt: Date.now() });
      await transaction.append({ action: 'policy.applied', subject: name, data: { document } });
    });
  }

  async applyGroup(group: string, policy: string): Promise<void> {
    await this.registry.write('system', (transaction) => putGroup(transaction, group, policy));
  }

  /** A group with a policy of its own, both named `name`. */
  async applyPolicyGroup(name: string, policy: Omit<PolicyDocument, 'name'>): Promise<void> {
    await this.applyPolicy({ ...policy, name });
    await this.applyGroup(name, name);
  }

  // Clients

  /** Rejects with mqtt.js' error where CONNACK refuses. */
  async connect(identity: Identity, options: IClientOptions = {}): Promise<MqttClient> {
    return this.#keep(await connectAsync(this.#mqttUrl, this.#clientOptions(identity, options)));
  }

  /** One that is about to connect. */
  client(identity: Identity, options: IClientOptions = {}): MqttClient {
    return this.#keep(connect(this.#mqttUrl, this.#clientOptions(identity, options)));
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
      connectTimeout: 5_000,
      ...options,
    };
  }

  #keep(client: MqttClient): MqttClient {
    client.on('error', () => {}); // what breaks a live connection closes it too
    this.#clients.add(client);
    client.once('close', () => this.#clients.delete(client));
    return client;
  }

  async #fillRegistry(): Promise<void> {
    const now = Date.now();
    await this.registry.write('system', async (transaction) => {
      for (const policy of defaultPolicies) {
        const document = JSON.stringify(policy);
        await transaction.putPolicy({ name: parseEntityName(policy.name), document, changedAt: now });
      }
      const profile = parseEntityName('device');
      await transaction.putProfile({ name: profile, document: '{"name":"device"}', changedAt: now });
      await putGroup(transaction, 'default', 'device');
      await putGroup(transaction, 'services', 'telemetry-reader');
      await insertIssuer(transaction, this.root, 'root');
      await insertIssuer(transaction, this.issuing, 'issuing');
    });
  }
}

export async function insertIssuer(
  transaction: RegistryTransaction,
  { certificate }: Issuer,
  kind: IssuerRecord['kind'],
  status: IssuerRecord['status'] = 'active',
): Promise<void> {
  const { fingerprint, serialNumber, subject, notBefore, notAfter, der } = certificate;
  await transaction.insertIssuer({
    ...{ fingerprint, kind, status, serialNumber, subject, notBefore, notAfter, der },
  });
  await transaction.append({ action: 'issuer.added', subject: fingerprint, data: { subject, serialNumber } });
}

async function putGroup(transaction: RegistryTransaction, group: string, policy: string): Promise<void> {
  const name = parseEntityName(group);
  const data = { profile: parseEntityName('device'), policy: parseEntityName(policy), renewalGrace: 0 };
  await transaction.putGroup({ name, description: '', ...data });
  await transaction.append({ action: 'group.applied', subject: name, data });
}

async function serialNumbersOf(transaction: RegistryTransaction, id: string) {
  const certificates = await transaction.certificatesOf(parseDeviceId(id));
  return certificates.map(({ serialNumber }) => serialNumber);
}
