/** What the use cases of the enroll process work with: made once, by service.ts. */
import type { Clock } from '../core/clock.ts';
import type { Registry } from '../registry/port.ts';
import type { IssuingAuthority } from './signer/issuing-authority.ts';

export interface EnrollContext {
  readonly registry: Registry;
  readonly issuing: IssuingAuthority;
  readonly clock: Clock;
  /** Base of the CRL, OCSP and CA addresses that go into certificates, without a slash at its end. */
  readonly statusUrl: string;
}
