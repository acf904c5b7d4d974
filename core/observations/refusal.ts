/**
 * What Gatehouse refused, as operators are told of it: who asked for what, by which rule it was refused, and how often.
 * Whoever is refused chooses most of these words, so each is cut to a length.
 */
import type { ErrorCode } from '../errors.ts';
import type { DeviceId } from '../ids.ts';

/** `connect`: it was not admitted. `session`: it was, and was cut off. `enroll` and `renew` are calls to enroll. */
export const refusedActions = [
  'connect',
  'session',
  'publish',
  'subscribe',
  'deliver',
  'enroll',
  'renew',
] as const;
export type RefusedAction = (typeof refusedActions)[number];

/** Characters of a topic or filter, and of any other text, that are kept. */
export const MAX_TOPIC_SHOWN = 256;
export const MAX_TEXT_SHOWN = 384;

export interface Refusal {
  readonly action: RefusedAction;
  readonly rule: ErrorCode;
  /** Topic or filter; null where the refusal is about none. */
  readonly topic: string | null;
  /** What was wrong, for people. */
  readonly detail: string;
  readonly serialNumber: string | null;
  readonly clientId: string | null;
  /** IP address. */
  readonly address: string;
}

/** Refusals that differ in nothing but their time, and what is told of the latest of them. Times are ms since the epoch. */
export interface CountedRefusal extends Refusal {
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Of a device that has proven who it is: it holds the key of a certificate that the registry knows as the device's. */
export interface DeviceRefusal extends CountedRefusal {
  readonly device: DeviceId;
}

/** Of somebody whose certificate only claims to be the device's. */
export interface RefusedClaim extends CountedRefusal {
  readonly claimed: DeviceId;
}

/** Of somebody who has not even said who they are: a handshake that failed, no certificate, or one without a device ID. */
export type RefusedStranger = CountedRefusal;

/** Untrusted text, cut and made well-formed: half of a surrogate pair could not be stored and found again. */
export function shownText(text: string, length = MAX_TEXT_SHOWN): string {
  const cut = text.length > length ? `${text.slice(0, length - 1)}…` : text;
  return cut.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
}
