/** The address under which CRL, OCSP and CA certificates are found, as it goes into every certificate. */
import { advertisedHost, type Settings } from '../runtime/settings.ts';

/** What the settings say; undefined where the port is a free one that only the listener will know. */
export function configuredStatusUrl(settings: Settings): string | undefined {
  if (settings.statusUrl !== undefined) return settings.statusUrl.replace(/\/+$/, '');
  return settings.statusPort === 0 ? undefined : `http://${advertisedHost(settings)}:${settings.statusPort}`;
}
