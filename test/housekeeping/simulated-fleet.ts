/** A fleet that lives for years within seconds: the real use cases, on a real registry, by a clock that is moved. */
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { type DeviceId, parseDeviceId, parseEntityName } from '../../core/ids.ts';
import { type CertificationRequest, parseCsr } from '../../core/pki/csr.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import type { EnrollContext } from '../../enroll/context.ts';
import { Housekeeping, type HousekeepingRun } from '../../enroll/housekeeping/housekeeping.ts';
import { initialize } from '../../enroll/init.ts';
import { openData } from '../../enroll/open-data.ts';
import { enrollDevice } from '../../enroll/use-cases/enrolling/enroll-device.ts';
import { applyProfile } from '../../enroll/use-cases/operating/apply-documents.ts';
import { createEnrollmentToken } from '../../enroll/use-cases/operating/manage-tokens.ts';
import { noteFirstUse } from '../../enroll/use-cases/renewing/first-use.ts';
import { renewDevice } from '../../enroll/use-cases/renewing/renew-device.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { CertificateRecord } from '../../registry/records.ts';
import { type DataLayout, dataLayout } from '../../runtime/layout.ts';
import { createLogger } from '../../runtime/log.ts';
import { readSettings } from '../../runtime/settings.ts';
import { Closers } from '../../runtime/shutdown.ts';
import { openCheapKeys } from '../support/ca-keys.ts';
import { newKey } from '../support/factory.ts';

export const DAY = 86_400_000;
const BEGINNING = Date.UTC(2026, 0, 1);
const log = createLogger('test', { level: 'silent', format: 'json' });

export interface Member {
  readonly id: DeviceId;
  readonly csr: CertificationRequest;
  readonly certificate: CertificateRecord;
}

/** How many rows each table has. */
export type RowCounts = Readonly<Record<string, number>>;

export interface SimulationOptions {
  readonly folder: string;
  /** ms; null for ever. */
  readonly retention: number | null;
  readonly archiveRows?: number;
  /** ms since the epoch. */
  readonly beginning?: number;
}

export class SimulatedFleet {
  now: number;
  readonly layout: DataLayout;
  readonly context: EnrollContext;
  readonly housekeeping: Housekeeping;
  readonly #closers: Closers;
  readonly #members = new Map<DeviceId, Member>();

  private constructor(
    parts: Pick<SimulatedFleet, 'now' | 'layout' | 'context' | 'housekeeping'>,
    closers: Closers,
  ) {
    this.now = parts.now;
    this.layout = parts.layout;
    this.context = parts.context;
    this.housekeeping = parts.housekeeping;
    this.#closers = closers;
  }

  static async begin(options: SimulationOptions): Promise<SimulatedFleet> {
    const { folder, retention, archiveRows, beginning = BEGINNING } = options;
    let fleet: SimulatedFleet | undefined;
    const clock = { now: () => fleet?.now ?? beginning };
    const settings = readSettings({ data: join(folder, 'data'), hostname: 'localhost' }, {});
    const layout = dataLayout(settings.data);
    await initialize(settings, clock, false, openCheapKeys);
    const closers = new Closers();
    const { registry, issuing } = await openData(settings, clock, closers);
    const context = { registry, issuing, clock, statusUrl: 'http://localhost', ownHostnames: [] };
    await applyProfile(context, 'system', { name: 'device', validity: '36h' });
    const housekeeping = new Housekeeping({
      registry,
      clock,
      carefulClock: clock,
      retention,
      archive: layout.archive,
      onRun: () => undefined,
      log,
      pause: async () => undefined,
      ...(archiveRows !== undefined && { archiveRows }),
    });
    fleet = new SimulatedFleet({ now: beginning, layout, context, housekeeping }, closers);
    return fleet;
  }

  get registry(): Registry {
    return this.context.registry;
  }

  member(id: string): Member {
    const found = this.#members.get(parseDeviceId(id));
    if (found === undefined) throw new Error(`There is no ${id}`);
    return found;
  }

  /** By a token of its own, with a new key. */
  async enroll(id: string, key: KeyObject = newKey()): Promise<Member> {
    const { context } = this;
    const terms = { group: parseEntityName('devices'), device: id, maxUses: 1, lifetime: DAY };
    const { token } = await createEnrollmentToken(context, 'system', terms);
    const csr = await requestOf(key, id);
    const outcome = await enrollDevice(context, { token, request: () => csr, address: '192.0.2.1' });
    if (outcome.kind !== 'enrolled') throw new Error(`${id} was not enrolled`);
    return this.#keep({ id: parseDeviceId(id), csr, certificate: outcome.enrollment.certificate });
  }

  /** It does nothing any more. */
  leave(id: string): void {
    this.#members.delete(parseDeviceId(id));
  }

  /** As a device does that then connects: the certificate is renewed, and seen in use. */
  async renew({ id, csr, certificate }: Member, key?: KeyObject): Promise<Member> {
    const { fingerprint, serialNumber } = certificate;
    const asked = key === undefined ? csr : await requestOf(key, id);
    const peer = { fingerprint, commonName: id, serialNumber, chainError: null };
    const renewed = await renewDevice(this.context, { peer, request: () => asked });
    const use = { fingerprint: renewed.certificate.fingerprint, time: this.now };
    await noteFirstUse(this.context, use);
    return this.#keep({ id, csr: asked, certificate: renewed.certificate });
  }

  /** Everybody renews, and housekeeping runs. */
  async liveOneDay(): Promise<HousekeepingRun> {
    this.now += DAY;
    await Promise.all([...this.#members.values()].map((member) => this.renew(member)));
    return this.housekeeping.run();
  }

  /** Of every table of the schema. */
  rowCounts(): RowCounts {
    return this.#read((database) => {
      const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
      const countOf = (table: unknown) =>
        Number(
          database
            .prepare(`SELECT count(*) FROM ${String(table)}`)
            .pluck()
            .get(),
        );
      return Object.fromEntries(tables.map((table) => [String(table), countOf(table)]));
    });
  }

  async usedBytes(): Promise<number> {
    const { bytes, freeBytes } = await this.registry.space();
    return bytes - freeBytes;
  }

  close(): Promise<void> {
    return this.#closers.closeAll(log);
  }

  #keep(member: Member): Member {
    this.#members.set(member.id, member);
    return member;
  }

  #read<T>(use: (database: Sqlite.Database) => T): T {
    const database = new Sqlite(this.layout.registry.database, { readonly: true });
    try {
      return use(database);
    } finally {
      database.close();
    }
  }
}

async function requestOf(privateKey: KeyObject, commonName: string): Promise<CertificationRequest> {
  return parseCsr(await buildCsr({ commonName, privateKey }));
}
