/** What enroll answers of how it stands with a device, and of what was refused it. Times are ISO 8601 in UTC. */
import type { DeviceId, EntityName } from '../ids.ts';
import type { RefusedAction } from '../observations/refusal.ts';
import type { DeviceDetail } from './devices.ts';

/** GET /api/v1/devices/ID/refusals: what was refused lately, newest first; also of an ID that no device has. */
export interface RefusalsView {
  /** Of the device: it has proven to be it. */
  readonly items: readonly RefusalView[];
  /** Of strangers, whose certificates only claim to be the device's. */
  readonly claims: readonly RefusalView[];
}

/** Refusals that differ in nothing but their time, and what is told of the latest of them. */
export interface RefusalView {
  readonly action: RefusedAction;
  /** As Problem.code. */
  readonly rule: string;
  /** Topic or filter; null where the refusal is about none. */
  readonly topic: string | null;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly detail: string;
  readonly remedy: string;
  readonly serialNumber: string | null;
  readonly clientId: string | null;
  readonly address: string;
}

/** GET /api/v1/devices/ID/explanation: how it stands with the device, and what to do; also of an ID that no device has. */
export interface DeviceExplanation {
  readonly id: DeviceId;
  /** Null where there is no such device. */
  readonly device: DeviceDetail | null;
  /** Of its group. */
  readonly policy: EntityName | null;
  /** As things stand now, the gravest first. */
  readonly findings: readonly Finding[];
  /** As RefusalsView has them, and whether each still stands. */
  readonly items: readonly ExplainedRefusal[];
  readonly claims: readonly RefusalView[];
  /**
   * Of those who did not even claim to be anybody, since it was last there: from the address where it was last seen, or, if it
   * never was, some of the newest from anywhere. Empty while it is online, or has no certificate to connect with. It may have been this device, or not.
   */
  readonly strangers: readonly RefusalView[];
  /** Seconds by which presence and refusals may be behind: the broker tells of them so often. */
  readonly observedWithin: number;
}

export interface ExplainedRefusal extends RefusalView {
  /** What has come since, so that it is history; null where it may be refused again. */
  readonly settled: string | null;
}

export interface Finding {
  readonly severity: 'problem' | 'note';
  readonly text: string;
  /** What to do about it; null where nothing is to be done. */
  readonly next: string | null;
}
