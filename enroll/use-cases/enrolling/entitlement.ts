/** What a credential entitles a device to, before anything of its group or its key's kind is asked. */
import { GatehouseError } from '../../../core/errors.ts';
import { type DeviceId, type EntityName, type Fingerprint, quote } from '../../../core/ids.ts';
import type { CertificationRequest } from '../../../core/pki/csr.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type {
  CertificateRecord,
  CredentialName,
  DeviceRecord,
  RequestRecord,
} from '../../../registry/records.ts';

export interface AskedOfCredential {
  readonly request: CertificationRequest;
  /** The group that the device named; null where it named none. */
  readonly group: EntityName | null;
}

export type Entitlement =
  /** The same credential and key were served before: here is that certificate again. */
  | { readonly kind: 'repeated'; readonly certificate: CertificateRecord; readonly device: DeviceId }
  | {
      readonly kind: 'entitled';
      readonly credential: CredentialName;
      /** Where the credential is a factory certificate. */
      readonly factory: { readonly manufacturer: EntityName; readonly certificate: Fingerprint } | null;
      readonly deviceId: DeviceId;
      /** The device as it is: imported, or to be enrolled anew. */
      readonly device: DeviceRecord | undefined;
      readonly group: EntityName;
      /** What the same credential asked for before, for this very device and key, and is open. */
      readonly open: RequestRecord | undefined;
      /** What it asked for before and this request takes the place of. */
      readonly outdated: RequestRecord | undefined;
    };

/** A device that an operator barred stays out, whatever it brings. @throws GatehouseError `device_revoked`, `device_suspended` */
export function refuseBarred(device: DeviceRecord | undefined): void {
  if (device?.status === 'revoked')
    throw new GatehouseError('device_revoked', `device ${quote(device.id)} is revoked`);
  if (device?.status === 'suspended') {
    throw new GatehouseError('device_suspended', `device ${quote(device.id)} is suspended`);
  }
}

/** Whether it waits for an operator, or for its device. */
export function isOpen(request: RequestRecord | undefined): request is RequestRecord {
  return request?.status === 'pending' || request?.status === 'approved';
}

/** Denied once, denied until an operator says otherwise. @throws GatehouseError `request_denied` */
export function refuseDenied(request: RequestRecord | undefined): void {
  if (request?.status !== 'denied') return;
  const { id, reason } = request;
  throw new GatehouseError('request_denied', `request ${id} was denied${reason ? `: ${reason}` : ''}`);
}

/**
 * Whether the device was imported and never enrolled: its record is an operator's word about an ID, and no one's yet.
 */
export async function isPreRegistered(registry: RegistryReader, device: DeviceRecord): Promise<boolean> {
  return (await registry.enrolledAt(device.id)) === undefined;
}
