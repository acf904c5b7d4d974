/** When a device should renew its certificate. */
import { createHash } from 'node:crypto';
import type { SerialNumber } from '../ids.ts';

/** From two thirds of the life on: a third is left to try again in. */
export const DEFAULT_RENEWAL = 2 / 3;
/** Of what is left of the life, the part over which the fleet spreads: up to three quarters of the life, by default. */
const WINDOW = 1 / 4;

/** As many certificates one device is given within `issuanceWindow` before its renewals are put off. */
export const ISSUED_AT_MOST = 100;
const HOUR = 3_600_000;

/**
 * ms: an hour, or a quarter of the life of certificates that live for less than four. A device that keeps to `renewAfter`
 * renews ten times in a life at the most, and a request that it repeats counts once.
 */
export function issuanceWindow(validity: number): number {
  return Math.min(HOUR, validity / 4);
}

export interface Lifetime {
  readonly serialNumber: SerialNumber;
  /** ms since the epoch. Not notBefore, which lies in the past already where the certificate is issued. */
  readonly issuedAt: number;
  readonly notAfter: number;
}

/**
 * ms since the epoch, in the first quarter of what is left of the certificate's life after `earliest`. Each certificate
 * has its own moment in that window, and always the same one: a fleet that enrolled within an hour does not renew
 * within one, and an answer that is repeated says what the first one said.
 * @param earliest a part of the life, between 0 and 1
 */
export function renewAfter(
  { serialNumber, issuedAt, notAfter }: Lifetime,
  earliest = DEFAULT_RENEWAL,
): number {
  const life = notAfter - issuedAt;
  return Math.round(issuedAt + life * (earliest + (1 - earliest) * WINDOW * fractionOf(serialNumber)));
}

/** From 0 to 1, evenly over all serial numbers, however they came about. */
function fractionOf(serialNumber: SerialNumber): number {
  return createHash('sha256').update(serialNumber).digest().readUIntBE(0, 6) / 2 ** 48;
}
