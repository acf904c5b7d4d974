/** The look-ups of what was observed of devices. */
import type { Database } from 'better-sqlite3';
import type { DeviceId } from '../../../core/ids.ts';
import type { DeviceRefusal, RefusedClaim, RefusedStranger } from '../../../core/observations/refusal.ts';
import type { BrokerRun, ObservationReader, Sighting, SightingRecord } from '../../observations.ts';

type Stored<Refusal> = Omit<Refusal, 'topic'> & { readonly topic: string };

/** One row of a join, by table. */
interface SightingRow {
  readonly sightings: SightingRecord;
  readonly brokerRuns: { readonly [column in keyof BrokerRun]: number | null };
}

const COUNTED =
  'action, rule, topic, count, firstAt, lastAt, detail, serialNumber, clientId, address' as const;
const RUN = 'startedAt, lastAt, endedAt' as const;

export function prepareObservationReads(database: Database) {
  const sightings = (condition: string) =>
    database
      .prepare<{ readonly device: DeviceId | ''; readonly limit: number }, SightingRow>(
        `SELECT sightings.*, brokerRuns.startedAt, brokerRuns.lastAt, brokerRuns.endedAt FROM sightings
           JOIN devices ON devices.id = sightings.device
           LEFT JOIN brokerRuns ON brokerRuns.startedAt = sightings.run
         WHERE ${condition} ORDER BY sightings.device LIMIT @limit`,
      )
      .expand();
  return {
    lastReport: database.prepare<[], number>('SELECT taken FROM reports WHERE only = 1').pluck(),
    currentRun: database.prepare<[], BrokerRun>(`SELECT ${RUN} FROM brokerRuns ORDER BY id DESC LIMIT 1`),
    sighting: sightings('sightings.device = @device'),
    sightings: sightings(`sightings.device > @device AND devices.status <> 'revoked'`),
    refusalsOf: database.prepare<[DeviceId], Stored<DeviceRefusal>>(
      `SELECT device, ${COUNTED} FROM refusals WHERE device = ? ORDER BY lastAt DESC`,
    ),
    claimsOf: database.prepare<[DeviceId], Stored<RefusedClaim>>(
      `SELECT claimed, ${COUNTED} FROM claims WHERE claimed = ? ORDER BY lastAt DESC`,
    ),
    // The empty name is that of whoever claims none.
    strangersAt: database.prepare<[string], Stored<RefusedStranger>>(
      `SELECT ${COUNTED} FROM claims WHERE address = ? AND claimed = '' ORDER BY lastAt DESC`,
    ),
    strangers: database.prepare<[number], Stored<RefusedStranger>>(
      `SELECT ${COUNTED} FROM claims WHERE claimed = '' ORDER BY lastAt DESC LIMIT ?`,
    ),
  };
}

export class SqliteObservations implements ObservationReader {
  readonly #reads: ReturnType<typeof prepareObservationReads>;

  constructor(database: Database) {
    this.#reads = prepareObservationReads(database);
  }

  async lastReport(): Promise<number> {
    return this.#reads.lastReport.get() ?? 0;
  }

  async currentRun(): Promise<BrokerRun | undefined> {
    return this.#reads.currentRun.get();
  }

  async sighting(device: DeviceId): Promise<Sighting | undefined> {
    const row = this.#reads.sighting.get({ device, limit: 1 });
    return row && toSighting(row);
  }

  async sightings(after: DeviceId | undefined, limit: number): Promise<readonly Sighting[]> {
    return this.#reads.sightings.all({ device: after ?? '', limit }).map(toSighting);
  }

  async refusalsOf(device: DeviceId): Promise<readonly DeviceRefusal[]> {
    return this.#reads.refusalsOf.all(device).map(withTopic);
  }

  async claimsOf(device: DeviceId): Promise<readonly RefusedClaim[]> {
    return this.#reads.claimsOf.all(device).map(withTopic);
  }

  async strangersAt(address: string): Promise<readonly RefusedStranger[]> {
    return this.#reads.strangersAt.all(address).map(withTopic);
  }

  async strangers(limit: number): Promise<readonly RefusedStranger[]> {
    return this.#reads.strangers.all(limit).map(withTopic);
  }
}

function toSighting({ sightings: record, brokerRuns }: SightingRow): Sighting {
  const { startedAt, lastAt, endedAt } = brokerRuns;
  const run = startedAt === null || lastAt === null ? undefined : { startedAt, lastAt, endedAt };
  return { record, run };
}

function withTopic<Refusal extends { readonly topic: string }>(refusal: Refusal) {
  return { ...refusal, topic: refusal.topic === '' ? null : refusal.topic };
}
