/** By what a device enrolls, as the journal has it. */
import type { EnrolledBy } from '../../../core/journal/events.ts';
import type { Entitled } from './admit-request.ts';

export function enrolledBy({ credential, factory }: Pick<Entitled, 'credential' | 'factory'>): EnrolledBy {
  return factory === null
    ? { token: credential.slice('token:'.length) }
    : { manufacturer: factory.manufacturer, factoryCertificate: factory.certificate };
}
