/** Why a listener could not be opened, in the words of the setting that chose its address. */
import { GatehouseError } from '../core/errors.ts';
import { flagOf, type SettingName } from './settings.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** The setting that gave the port. */
  readonly setting: SettingName;
}

/** @returns `port_in_use`, `setting_invalid`, or the error itself where it is neither */
export function listenFailure(error: unknown, { host, port, setting }: Endpoint): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new GatehouseError('port_in_use', `${flagOf(setting)}: ${host}:${port} is taken`, {
        cause: error,
      });
    case 'EACCES':
      return new GatehouseError('setting_invalid', `${flagOf(setting)}: this user may not open port ${port}`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new GatehouseError('setting_invalid', `${host} is not an address of this machine`);
    default:
      return error;
  }
}
