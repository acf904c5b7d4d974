/** What an admitted session stands on, and how a connection gets it in step with the journal. */
import type { Fingerprint } from '../../core/ids.ts';
import type { Grants, PolicySubject } from '../../core/policy/grants.ts';
import type { Connection } from '../sessions/connection.ts';
import type { LiveTable } from '../sessions/live-table.ts';
import type { AdmissionControl, Finding } from './admission-control.ts';

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

/**
 * Reads the registry again if grants changed while it was read: the connection had no standing yet that the
 * journal could have revised. From the moment that it has one, in the same turn, the journal does.
 * @throws GatehouseError naming the rule that refuses
 */
export async function takeStanding(
  connection: Connection,
  { live, admission }: { readonly live: LiveTable; readonly admission: Pick<AdmissionControl, 'admit'> },
  finding?: Finding,
): Promise<Standing> {
  for (;;) {
    const { changes } = live;
    const standing = await admission.admit(connection.peer, finding);
    if (live.changes !== changes) continue;
    connection.standing = standing;
    return standing;
  }
}
