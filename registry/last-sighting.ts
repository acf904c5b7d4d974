/** Whether a device is online, by what was observed last: a broker that was killed has told nobody that its sessions ended. */
import type { BrokerRun, Sighting } from './observations.ts';

/** A broker reports at least every 30 s (broker/reports/report-feed.ts): after three times as long it has stopped to. */
export const MAX_SILENCE_MS = 90_000;
/** The broker tells of what it sees so often, at most; what is known of it is as old as that. */
export const REPORT_INTERVAL_MS = 10_000;

export interface LastSighting {
  /** `unknown`: it was online, and the broker has not been heard of since. */
  readonly status: 'online' | 'offline' | 'unknown';
  /** Since when, in ms since the epoch: it came online, went offline, or was last known to be online. */
  readonly since: number;
  /** Why it went (core/observations/departure.ts); null where it did not. */
  readonly reason: string | null;
}

/** Pure. @param current the newest run @param now ms since the epoch */
export function lastSighting(
  { record, run }: Sighting,
  current: BrokerRun | undefined,
  now: number,
): LastSighting {
  const { connectedAt, disconnectedAt, reason } = record;
  if (disconnectedAt !== null) return { status: 'offline', since: disconnectedAt, reason };
  if (run === undefined) return ended(connectedAt);
  if (run.endedAt !== null) return ended(run.endedAt);
  if (run.startedAt !== current?.startedAt) return ended(run.lastAt);
  if (now - run.lastAt > MAX_SILENCE_MS) return { status: 'unknown', since: run.lastAt, reason: null };
  return { status: 'online', since: connectedAt, reason: null };
}

function ended(since: number): LastSighting {
  return { status: 'offline', since, reason: 'broker_ended' };
}
