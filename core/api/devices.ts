/** What enroll answers of devices. Times are ISO 8601 in UTC. */
import type { DeviceId, EntityName, Fingerprint } from '../ids.ts';
import type { CertificateView } from './certificates.ts';

/** GET /api/v1/devices and /api/v1/devices/ID */
export interface DeviceView {
  readonly id: DeviceId;
  readonly group: EntityName;
  readonly status: 'active' | 'suspended' | 'revoked';
  readonly attributes: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly changedAt: string;
  /** When it was first given a certificate; null where it has not enrolled yet. */
  readonly enrolledAt: string | null;
  /** Null where it was never seen at the broker. */
  readonly presence: PresenceView | null;
}

/** How a device was last seen at the broker. */
export interface PresenceView {
  /** `unknown`: it was online, and the broker has not been heard of since. */
  readonly status: 'online' | 'offline' | 'unknown';
  /** When it came online, went offline, or was last known to be online. */
  readonly since: string;
  /** Why it went (core/observations/departure.ts); null where it did not. */
  readonly reason: string | null;
  readonly lastSeenAt: string;
  readonly connectedAt: string;
  /** 0 where it is not online. */
  readonly sessions: number;
  /** Of its newest session, as the rest. */
  readonly clientId: string;
  readonly address: string;
  readonly tlsVersion: string | null;
  readonly serialNumber: string;
}

export interface DeviceDetail extends DeviceView {
  /** Newest first, the newest hundred at most. */
  readonly certificates: readonly CertificateView[];
  /** By which factory certificate it enrolled last; null where by none. */
  readonly factory: { readonly manufacturer: EntityName; readonly certificate: Fingerprint } | null;
  /** Since when it may enroll by its factory certificate once more; null where it may not. */
  readonly releasedAt: string | null;
}

/** PATCH /api/v1/devices/ID */
export interface DeviceEdit {
  readonly group?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/**
 * POST /api/v1/devices/ID/{revoke,suspend,resume,reinstate,release} and /api/v1/certificates/SERIAL/revoke: whoever asks
 * about one is answered with that one as it is afterwards, the DeviceDetail or CertificateView. No body is all defaults.
 */
export interface RevokeRequest {
  readonly reason?: string;
}
