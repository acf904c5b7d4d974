/** What a profile makes of a device, over HTTP. Times are ISO 8601 in UTC; certificates are PEM. */
import type { DeviceId, EntityName } from '../ids.ts';

/** POST /api/v1/profiles/test: what a profile makes of a device, shown by a certificate that is worth nothing. */
export interface ProfileTestRequest {
  /** The profile as PUT /api/v1/profiles/NAME takes it, with its name. */
  readonly document: Readonly<Record<string, unknown>>;
  /** A device as it is registered; a made-up one where absent. */
  readonly device?: string;
}

export interface ProfileTestResult {
  readonly profile: EntityName;
  readonly device: { readonly id: DeviceId; readonly group: EntityName; readonly madeUp: boolean };
  /** Attributes of the device that the names use. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly subject: string;
  /** `URI:…`, `DNS:…` */
  readonly subjectAltNames: readonly string[];
  readonly keyUsage: readonly string[];
  readonly extendedKeyUsage: readonly string[];
  readonly notBefore: string;
  readonly notAfter: string;
  readonly renewAfter: string;
  /** The kinds of key that the profile takes. */
  readonly keys: readonly string[];
  readonly serverKeygen: boolean;
  /** Signed by a CA that was made for it and thrown away: no relying party accepts it. */
  readonly certificate: string;
}
