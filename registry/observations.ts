/**
 * What is observed of devices: when they were last seen, and what they were refused. No state: nothing is decided by it,
 * and to lose some of it harms nobody. So it is written without a row in the journal, by a way of its own that can change
 * nothing else, and it is kept within bounds by forgetting.
 */

import type { DeviceId } from '../core/ids.ts';
import type { DeviceRefusal, RefusedClaim, RefusedStranger } from '../core/observations/refusal.ts';

/** From the start of a broker process to its end. */
export interface BrokerRun {
  /** ms since the epoch, and the run's name. */
  readonly startedAt: number;
  /** When it last reported. */
  readonly lastAt: number;
  /** Null where it runs, or ended without a word. */
  readonly endedAt: number | null;
}

/** How a device was last seen at the broker. */
export interface SightingRecord {
  readonly device: DeviceId;
  /** `startedAt` of the run that saw it. */
  readonly run: number;
  /** When it came online. */
  readonly connectedAt: number;
  /** When its last session ended, and why; null while it has one, or had one when the run ended. */
  readonly disconnectedAt: number | null;
  readonly reason: string | null;
  /** Sessions that it has; 0 where it is offline. */
  readonly sessions: number;
  /** Of the newest session, as the rest. */
  readonly clientId: string;
  readonly address: string;
  readonly tlsVersion: string | null;
  readonly serialNumber: string;
}

/** A sighting with the run that it is of; undefined where that is long ago. */
export interface Sighting {
  readonly record: SightingRecord;
  readonly run: BrokerRun | undefined;
}

/** What is written at one stroke. */
export interface Observations {
  /** Of the report that it comes from: from then on that one counts as taken in. Absent where it comes from none. */
  readonly report?: number;
  readonly run?: BrokerRun;
  readonly sightings?: readonly SightingRecord[];
  readonly refusals?: readonly DeviceRefusal[];
  readonly claims?: readonly RefusedClaim[];
  readonly strangers?: readonly RefusedStranger[];
}

export interface ObservationReader {
  /** The number of the last report that was taken in; 0 where none was. */
  lastReport(): Promise<number>;
  /** The newest. */
  currentRun(): Promise<BrokerRun | undefined>;
  sighting(device: DeviceId): Promise<Sighting | undefined>;
  /** In the order of their IDs, without devices that are revoked; only those after `after`. */
  sightings(after: DeviceId | undefined, limit: number): Promise<readonly Sighting[]>;
  /** Newest first; at most as many as are kept of a device. */
  refusalsOf(device: DeviceId): Promise<readonly DeviceRefusal[]>;
  /** What others were refused who claimed to be this device. Newest first. */
  claimsOf(device: DeviceId): Promise<readonly RefusedClaim[]>;
  /** What was refused those who claimed nothing, from this IP address. Newest first. */
  strangersAt(address: string): Promise<readonly RefusedStranger[]>;
  /** From whichever address. Newest first. */
  strangers(limit: number): Promise<readonly RefusedStranger[]>;
}
