/** How a connection gets what it stands on, in step with the journal. */
import type { AdmissionControl, Finding } from '../admission/admission-control.ts';
import type { Standing } from '../admission/standing.ts';
import type { Connection } from './connection.ts';
import type { LiveTable } from './live-table.ts';

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
