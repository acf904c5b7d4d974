/** A registry with one issuing CA whose key is at hand, and whoever publishes its CRLs. */
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { CrlPart, CrlShards } from '../../core/pki/crl-names.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import { oids } from '../../core/pki/oids.ts';
import { randomSerialNumber } from '../../core/pki/serial-number.ts';
import type { PublishedCrl } from '../../enroll/crl/publication.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { CertificateStatus } from '../../registry/records.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { createAuthority } from '../pki/test-authority.ts';
import { certificate, change, issuer as issuerRecord, seed } from '../registry/samples.ts';
import { type Publishing, QUICK_CRLS, startPublishing } from '../support/crl-publishing.ts';
import { eventually } from '../support/eventually.ts';
import { type ReadCrl, readCrl } from './reading.ts';

const YEAR = 365 * 86_400_000;

/** Runs on, from wherever it is set to. */
export class SetClock implements Clock {
  #offset = 0;

  now(): number {
    return Date.now() + this.#offset;
  }

  advance(ms: number): void {
    this.#offset += ms;
  }
}

export class CrlWorld {
  readonly clock = new SetClock();
  /** Before each signature; it may reject. */
  beforeSigning: () => Promise<void> = async () => {};
  crlShards: CrlShards = 1;
  /** What the publisher is given for the registry. */
  seenAs: (registry: Registry) => Registry = (registry) => registry;
  readonly #folder: string;
  readonly #issuer: Issuer;
  #registry: Registry;
  #publishing: Publishing | undefined;

  private constructor(folder: string, issuer: Issuer, registry: Registry) {
    this.#folder = folder;
    this.#registry = registry;
    const { certificate, signer } = issuer;
    const sign = async (data: Uint8Array) => {
      await this.beforeSigning();
      return signer.sign(data);
    };
    this.#issuer = { certificate, signer: { ...signer, sign } };
  }

  /** Nothing is published yet. */
  static async create(folder: string): Promise<CrlWorld> {
    const { issuing } = await createAuthority({ now: Date.now() });
    const registry = await openAt(join(folder, 'registry.db'));
    await seed(registry);
    const { fingerprint } = issuing.certificate;
    await change(registry, async (transaction) => {
      await transaction.setIssuerStatus(issuerRecord.fingerprint, 'retiring', 0);
      await transaction.insertIssuer({ ...issuerRecord, fingerprint, serialNumber: randomSerialNumber() });
    });
    return new CrlWorld(folder, issuing, registry);
  }

  get issuer(): Fingerprint {
    return this.#issuer.certificate.fingerprint;
  }

  get registry(): Registry {
    return this.#registry;
  }

  get database(): string {
    return join(this.#folder, 'registry.db');
  }

  get crls(): string {
    return join(this.#folder, 'crls');
  }

  get publishing(): Publishing {
    if (this.#publishing === undefined) throw new Error('nobody publishes');
    return this.#publishing;
  }

  async start(): Promise<void> {
    this.#publishing = await startPublishing({
      ...{
        registry: this.seenAs(this.#registry),
        database: this.database,
        folder: this.crls,
        clock: this.clock,
      },
      issuing: { all: () => [this.#issuer], current: () => this.#issuer },
      ...{ statusUrl: 'http://status.example', crlShards: this.crlShards, pace: QUICK_CRLS },
    });
  }

  async stop(): Promise<void> {
    await this.#publishing?.close();
    this.#publishing = undefined;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** What is due by the clock is issued now, and not at the next look at it. */
  async tick(): Promise<void> {
    await this.publishing.crls.begin(this.#issuer);
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#registry.close();
  }

  /** Keeps a copy of the registry, as a backup does. */
  async backUp(): Promise<void> {
    await this.#registry.close();
    copyFileSync(this.database, `${this.database}.backup`);
    this.#registry = await openAt(this.database);
  }

  async restore(): Promise<void> {
    await this.#registry.close();
    for (const suffix of ['-wal', '-shm']) rmSync(`${this.database}${suffix}`, { force: true });
    copyFileSync(`${this.database}.backup`, this.database);
    this.#registry = await openAt(this.database);
  }

  async issue(notAfter = this.clock.now() + YEAR): Promise<SerialNumber> {
    const serialNumber = randomSerialNumber();
    const record = certificate(serialNumber, { serialNumber, issuer: this.issuer, notAfter });
    await change(this.#registry, (transaction) => transaction.insertCertificate(record));
    return serialNumber;
  }

  async set(status: CertificateStatus, ...serialNumbers: SerialNumber[]): Promise<void> {
    await change(this.#registry, (transaction) =>
      transaction.setCertificateStatus(serialNumbers, status, this.clock.now()),
    );
  }

  async published(part: CrlPart = 'full'): Promise<PublishedCrl> {
    const list = this.publishing.store.published(this.issuer)?.lists.get(part);
    if (list === undefined) throw new Error(`no ${part} list was published`);
    return list;
  }

  async read(part: CrlPart = 'full'): Promise<ReadCrl> {
    return readCrl((await this.published(part)).der);
  }

  async number(): Promise<bigint> {
    return (await this.published()).number;
  }

  /** The number of the list that the delta builds on. */
  async base(): Promise<bigint> {
    const { extensions } = await this.read('delta');
    return BigInt(`0x${extensions.get(oids.deltaCrlIndicator)?.replace('critical 02', '').slice(2)}`);
  }

  async lists(...serialNumbers: SerialNumber[]): Promise<boolean> {
    const { entries } = await this.read();
    return serialNumbers.every((serialNumber) => entries.has(serialNumber));
  }

  untilListed(...serialNumbers: SerialNumber[]): Promise<true> {
    return eventually(async () => (await this.lists(...serialNumbers)) || undefined);
  }

  async metric(name: string): Promise<number> {
    const text = await this.publishing.metrics();
    return Number(new RegExp(`^${name}{[^}]*} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
  }
}

function openAt(file: string): Promise<Registry> {
  return openRegistry({ file, clock: { now: () => Date.now() } });
}
