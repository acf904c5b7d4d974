/** Pieces of a broker, for tests of one room without the others. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { afterAll } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { PolicyCache } from '../../broker/admission/policy-cache.ts';
import type { Standing } from '../../broker/admission/standing.ts';
import { Authorizer } from '../../broker/authorization/authorizer.ts';
import { Denials } from '../../broker/authorization/denials.ts';
import { OrphanWills } from '../../broker/authorization/orphan-wills.ts';
import { type BrokerLimits, defaultLimits } from '../../broker/limits.ts';
import { createBrokerMetrics } from '../../broker/metrics.ts';
import { GuardedStore } from '../../broker/persistence/guarded-store.ts';
import type { Page, PageLimits } from '../../broker/persistence/queue-entry.ts';
import { SessionDatabase, type SessionDatabaseOptions } from '../../broker/persistence/session-database.ts';
import type { SessionRecord } from '../../broker/persistence/session-record.ts';
import { Connection } from '../../broker/sessions/connection.ts';
import { CutOff } from '../../broker/sessions/cut-off.ts';
import { DurableSessions } from '../../broker/sessions/durable-sessions.ts';
import { LiveTable } from '../../broker/sessions/live-table.ts';
import { Replay } from '../../broker/system-topics/replay.ts';
import { parseDeviceId, parseEntityName, parseFingerprint, parseSerialNumber } from '../../core/ids.ts';
import { bindPolicy } from '../../core/policy/grants.ts';
import { type PolicyDocument, parsePolicy } from '../../core/policy/policy.ts';
import { temporaryFolders } from '../support/temporary-folder.ts';

export const log = pino({ level: 'silent' });
export const clock = { now: () => Date.now() };

/** A socket whose other end is the test: it says what `sent` holds and hears what is pushed. */
export class Line extends Duplex {
  sent: Buffer = Buffer.alloc(0);

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.sent = Buffer.concat([this.sent, chunk]);
    callback();
  }
}

export function connectionOf(id: string, line = new Line()): Connection {
  return new Connection({
    socket: line,
    peer: {
      device: parseDeviceId(id),
      fingerprint: parseFingerprint('0'.repeat(64)),
      serialNumber: parseSerialNumber('01'),
    },
    address: '',
  });
}

export function standingOf(id: string, policy: Omit<PolicyDocument, 'name'> = {}): Standing {
  const subject = { id: parseDeviceId(id), group: parseEntityName('default'), attributes: {} };
  const grants = bindPolicy(parsePolicy({ ...policy, name: 'sample' }), subject);
  const issuer = parseFingerprint('1'.repeat(64));
  return {
    subject,
    grants,
    issuer,
    notAfter: Date.now() + 60_000,
    seq: 0,
    revokedSeq: null,
    isFirstUse: false,
  };
}

export interface StoreOptions {
  readonly isGranted?: (client: { readonly id: string }, filter: string) => boolean;
  readonly limits?: Partial<BrokerLimits>;
  readonly onOverflow?: (count: number) => void;
}

/** In a folder of its own, unless a file is given. */
export function openSessions(options: Partial<SessionDatabaseOptions> = {}): SessionDatabase {
  const file = options.file ?? join(temporaryFolder(), 'sessions.db');
  const quiet = { onOverflow: () => {}, onFailure: () => {} };
  const database = new SessionDatabase({
    durability: 'os',
    limits: defaultLimits,
    ...quiet,
    ...options,
    file,
  });
  databases.push(database);
  return database;
}

/** Takes a page out of the queue, and resolves when it is committed. */
export function takePage(
  database: SessionDatabase,
  session: SessionRecord,
  after: number,
  limits: PageLimits,
): Promise<Page> {
  return new Promise((onCommitted) => {
    database.take(session, after, limits, { onTaken: () => {}, onCommitted });
  });
}

const databases: SessionDatabase[] = [];
const folders: string[] = [];

function temporaryFolder(): string {
  const folder = mkdtempSync(join(temporaryFolders, 'gatehouse-sessions-'));
  folders.push(folder);
  return folder;
}

afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** One that is granted everything, unless the options say otherwise. */
export function createStore(options: StoreOptions = {}): GuardedStore {
  const { isGranted = () => true, onOverflow = () => {} } = options;
  const limits = { ...defaultLimits, ...options.limits };
  return new GuardedStore({ database: openSessions({ limits, onOverflow }), isGranted, limits });
}

/** What is told of nobody. */
export const refusals = { ofSession: () => {}, ofOwner: () => {} };
export const systemParts = {
  overflows: { note: () => {} },
  onArrival: () => {},
  onDeparture: () => {},
};

/** The rooms that the message path goes through, around `store`. */
export function roomsAround(store: GuardedStore) {
  const metrics = createBrokerMetrics(new Registry());
  const live = new LiveTable();
  const durable = new DurableSessions({ store });
  const denials = new Denials({ refusals, metrics, log });
  const registry = {
    device: async () => undefined,
    revokedSeq: async () => undefined,
    group: async () => undefined,
    policy: async () => undefined,
  };
  const orphanWills = new OrphanWills({
    registry,
    policies: new PolicyCache(),
    store,
    refusals,
    metrics,
    log,
  });
  const authorizer = new Authorizer({
    live,
    store,
    orphanWills,
    denials,
    metrics,
    limits: defaultLimits,
  });
  const cutOff = new CutOff({ live, durable, store, refusals, metrics, clock, log });
  const replay = new Replay({ sources: [], store, log });
  return { live, durable, store, metrics, authorizer, cutOff, replay };
}
