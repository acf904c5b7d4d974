/** When a device should renew its certificate. */
import { createHash } from 'node:crypto';
import type { SerialNumber } from '../ids.ts';

/** From two thirds of the life on: a third is left to try again in. */
const EARLIEST = 2 / 3;
const LATEST = 3 / 4;

export interface Lifetime {
  readonly serialNumber: SerialNumber;
  /** ms since the epoch. Not notBefore, which lies in the past already where the certificate is issued. */
  readonly issuedAt: number;
  readonly notAfter: number;
}

/**
 * ms since the epoch, between two thirds and three quarters of the certificate's life. Each certificate has its own
 * moment in that window, and always the same one: a fleet that enrolled within an hour does not renew within one,
 * and an answer that is repeated says what the first one said.
 */
export function renewAfter({ serialNumber, issuedAt, notAfter }: Lifetime): number {
  const life = notAfter - issuedAt;
  return Math.round(issuedAt + life * (EARLIEST + (LATEST - EARLIEST) * fractionOf(serialNumber)));
}

/** From 0 to 1, evenly over all serial numbers, however they came about. */
function fractionOf(serialNumber: SerialNumber): number {
  return createHash('sha256').update(serialNumber).digest().readUIntBE(0, 6) / 2 ** 48;
}
