/**
 * Writing what was observed of devices: rows of these tables alone, within bounds. It runs in the write queue like every
 * other write, on some thousand rows at most, so some 20 ms.
 */
import type { Database } from 'better-sqlite3';
import type { DeviceId } from '../../../core/ids.ts';
import type { CountedRefusal } from '../../../core/observations/refusal.ts';
import type { BrokerRun, Observations, SightingRecord } from '../../observations.ts';

const DAY = 86_400_000;
/** Entries that are kept: of one device, or by those who claim to be it; by strangers of one address; and in all. */
const REFUSALS_OF_DEVICE = 20;
const REFUSALS = 50_000;
const REFUSALS_AGE = 30 * DAY;
const CLAIMS_OF_NAME = 10;
const CLAIMS_OF_ADDRESS = 50;
/** They are claims of no name, which no device has: so the same bounds hold for both. */
const STRANGERS = 500;
const NO_NAME = '';
const CLAIMS = 2_000;
const CLAIMS_AGE = 7 * DAY;
const RUNS = 100;
/** Rows that one write removes at most. */
const REMOVED_AT_ONCE = 2_000;

type Stored = Omit<CountedRefusal, 'topic'> & { readonly topic: string };

export class ObservationWriter {
  readonly #sql: ReturnType<typeof prepare>;

  constructor(database: Database) {
    this.#sql = prepare(database);
  }

  /** Of devices that are not there, nothing is written. @param now ms since the epoch */
  write(observed: Observations, now: number): void {
    const { report, run, sightings = [], refusals = [], claims = [], strangers = [] } = observed;
    const sql = this.#sql;
    if (run !== undefined) {
      sql.putRun.run(run);
      sql.forgetRuns.run(RUNS);
    }
    for (const sighting of sightings) sql.putSighting.run(sighting);
    for (const refusal of refusals) sql.addRefusal.run(stored(refusal));
    for (const device of new Set(refusals.map((refusal) => refusal.device))) {
      sql.boundDevice.run({ owner: device, most: REFUSALS_OF_DEVICE });
    }
    for (const claim of claims) sql.addClaim.run(stored(claim));
    for (const claimed of new Set(claims.map((claim) => claim.claimed))) {
      sql.boundName.run({ owner: claimed, most: CLAIMS_OF_NAME });
    }
    for (const stranger of strangers) sql.addClaim.run({ ...stored(stranger), claimed: NO_NAME });
    if (strangers.length > 0) sql.boundName.run({ owner: NO_NAME, most: STRANGERS });
    for (const address of new Set([...claims, ...strangers].map((one) => one.address))) {
      sql.boundAddress.run({ owner: address, most: CLAIMS_OF_ADDRESS });
    }
    this.#forget(now);
    if (report !== undefined) sql.putReport.run(report);
  }

  /** What is too old, and the oldest of what is too much. */
  #forget(now: number): void {
    const { forgetRefusals, forgetClaims } = this.#sql;
    const most = REMOVED_AT_ONCE;
    forgetRefusals.old.run({ before: now - REFUSALS_AGE, most });
    forgetClaims.old.run({ before: now - CLAIMS_AGE, most });
    forgetRefusals.surplus.run({ kept: REFUSALS, most });
    forgetClaims.surplus.run({ kept: CLAIMS, most });
  }
}

function stored<Refusal extends CountedRefusal>(refusal: Refusal): Refusal & Stored {
  return { ...refusal, topic: refusal.topic ?? '' };
}

function prepare(database: Database) {
  /** Whatever a broker tells, a counter stays a number that JavaScript can hold. */
  const add = `count = min(count + excluded.count, ${Number.MAX_SAFE_INTEGER}),
    firstAt = min(firstAt, excluded.firstAt), lastAt = max(lastAt, excluded.lastAt),
    detail = excluded.detail, serialNumber = excluded.serialNumber, clientId = excluded.clientId,
    address = excluded.address`;
  const columns = 'action, rule, topic, count, firstAt, lastAt, detail, serialNumber, clientId, address';
  const values =
    '@action, @rule, @topic, @count, @firstAt, @lastAt, @detail, @serialNumber, @clientId, @address';
  const bound = (table: 'refusals' | 'claims', owner: 'device' | 'claimed' | 'address') =>
    database.prepare<{ readonly owner: string; readonly most: number }>(
      `DELETE FROM ${table} WHERE id IN
         (SELECT id FROM ${table} WHERE ${owner} = @owner ORDER BY lastAt DESC LIMIT -1 OFFSET @most)`,
    );
  const forget = (table: 'refusals' | 'claims') => ({
    old: database.prepare<{ readonly before: number; readonly most: number }>(
      `DELETE FROM ${table} WHERE id IN
         (SELECT id FROM ${table} WHERE lastAt < @before ORDER BY lastAt LIMIT @most)`,
    ),
    surplus: database.prepare<{ readonly kept: number; readonly most: number }>(
      `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} ORDER BY lastAt
         LIMIT min(@most, max(0, (SELECT count(*) FROM ${table}) - @kept)))`,
    ),
  });

  return {
    putReport: database.prepare<[number]>(
      'INSERT INTO reports (only, taken) VALUES (1, ?) ON CONFLICT DO UPDATE SET taken = excluded.taken',
    ),
    putRun: database.prepare<BrokerRun>(
      `INSERT INTO brokerRuns (startedAt, lastAt, endedAt) VALUES (@startedAt, @lastAt, @endedAt)
       ON CONFLICT DO UPDATE SET lastAt = excluded.lastAt, endedAt = excluded.endedAt`,
    ),
    forgetRuns: database.prepare<[number]>(
      'DELETE FROM brokerRuns WHERE id <= (SELECT max(id) FROM brokerRuns) - ?',
    ),
    putSighting: database.prepare<SightingRecord & { readonly device: DeviceId }>(
      `INSERT INTO sightings (device, run, connectedAt, disconnectedAt, reason, sessions, clientId, address,
         tlsVersion, serialNumber)
       SELECT @device, @run, @connectedAt, @disconnectedAt, @reason, @sessions, @clientId, @address,
         @tlsVersion, @serialNumber WHERE EXISTS (SELECT 1 FROM devices WHERE id = @device)
       ON CONFLICT DO UPDATE SET run = excluded.run, connectedAt = excluded.connectedAt,
         disconnectedAt = excluded.disconnectedAt, reason = excluded.reason, sessions = excluded.sessions,
         clientId = excluded.clientId, address = excluded.address, tlsVersion = excluded.tlsVersion,
         serialNumber = excluded.serialNumber`,
    ),
    addRefusal: database.prepare<Stored>(
      `INSERT INTO refusals (device, ${columns})
       SELECT @device, ${values} WHERE EXISTS (SELECT 1 FROM devices WHERE id = @device)
       ON CONFLICT DO UPDATE SET ${add}`,
    ),
    boundDevice: bound('refusals', 'device'),
    addClaim: database.prepare<Stored & { readonly claimed: string }>(
      `INSERT INTO claims (claimed, ${columns}) VALUES (@claimed, ${values})
       ON CONFLICT DO UPDATE SET action = excluded.action, topic = excluded.topic, ${add}`,
    ),
    boundName: bound('claims', 'claimed'),
    boundAddress: bound('claims', 'address'),
    forgetRefusals: forget('refusals'),
    forgetClaims: forget('claims'),
  };
}
