/** What an admitted session stands on. */
import type { Fingerprint } from '../../core/ids.ts';
import type { Grants, PolicySubject } from '../../core/policy/grants.ts';

export interface Standing {
  readonly subject: PolicySubject;
  readonly grants: Grants;
  /** Of the CA that issued its certificate. */
  readonly issuer: Fingerprint;
  /** ms since the epoch: the session ends with its certificate. */
  readonly notAfter: number;
  /** Of the registry's journal as it was then: what its rows up to this one changed is in here already. */
  readonly seq: number;
  /** Of the last revocation of the device, since which it was reinstated (`RegistryReader.revokedSeq`); null where it never was. */
  readonly revokedSeq: number | null;
  /** Its certificate renews another and, as far as the registry knows, was never used before. */
  readonly isFirstUse: boolean;
}
