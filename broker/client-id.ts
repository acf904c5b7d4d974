/** Which client ids a device may use: its ID, or `ID/suffix` for each further session. */
import { GatehouseError } from '../core/errors.ts';
import { type DeviceId, quote } from '../core/ids.ts';

/** The device that a client id names, if it names one: nobody was admitted with the id of another. */
export function deviceOf(clientId: string): string {
  return clientId.split('/', 1)[0] ?? '';
}

const SUFFIX = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;

/**
 * The `/` cannot occur in a device ID, so `dev1` can neither be `dev10` nor one of its sessions.
 * @throws GatehouseError `client_id_mismatch`; an empty client id is refused too, since nobody could tell whose
 * session it is
 */
export function checkClientId(clientId: string, device: DeviceId): void {
  if (clientId === device) return;
  const prefix = `${device}/`;
  if (clientId.startsWith(prefix) && SUFFIX.test(clientId.slice(prefix.length))) return;
  throw new GatehouseError(
    'client_id_mismatch',
    `client id ${quote(clientId)} is neither ${quote(device)} nor a session of it`,
  );
}
