/** What the use cases of the enroll process work with: made once, by service.ts. */
import type { Clock } from '../core/clock.ts';
import type { CrlShards } from '../core/pki/crl-names.ts';
import type { Registry } from '../registry/port/registry.ts';
import type { IssuingAuthority } from './signer/issuing-authority.ts';

export interface EnrollContext {
  readonly registry: Registry;
  readonly issuing: IssuingAuthority;
  readonly clock: Clock;
  /** Base of the CRL, OCSP and CA addresses that go into certificates, without a slash at its end. */
  readonly statusUrl: string;
  /** Into how many lists the CRL of new certificates is split; 1 where absent. */
  readonly crlShards?: CrlShards | undefined;
  /** What Gatehouse itself is called, as DNS names or addresses: no device gets a certificate with one of these. */
  readonly ownHostnames: readonly string[];
}
