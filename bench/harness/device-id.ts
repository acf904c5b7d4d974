/** The IDs of devices that are registered before, and of those that enroll: alike, so that they mix in the indexes. */
import type { RandomSource } from '../../core/pki/serial-number.ts';

export function deviceIdFrom(octets: RandomSource): string {
  return `device-${Buffer.from(octets(8)).toString('hex')}`;
}
