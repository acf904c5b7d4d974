/** What the registry can be asked for page by page. */
import type { RequestStatus } from '../../core/enrollment/approval.ts';
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { DeviceStatus } from '../records.ts';

export interface DeviceQuery {
  readonly group?: EntityName;
  readonly status?: DeviceStatus;
  /** Only IDs that sort after this one: the last of the page before. */
  readonly after?: DeviceId;
  readonly limit: number;
}

/** Devices of one group and status, to be counted. */
export interface DeviceCountQuery extends DeviceQuery {
  readonly group: EntityName;
  readonly status: DeviceStatus;
}

export interface BlockedKeyQuery {
  /** Only keys that sort after this one: the last of the page before. */
  readonly after?: Fingerprint;
  readonly limit: number;
}

export interface RequestQuery {
  readonly status?: RequestStatus;
  /** Only requests made after this one: the last of the page before. */
  readonly after?: number;
  readonly limit: number;
  /** Requests that have lapsed by then are none. */
  readonly now: number;
}

export interface CertificateQuery {
  /** Only serial numbers that sort after this one: the last of the page before. */
  readonly after?: SerialNumber;
  readonly limit: number;
}

export interface LiveQuery {
  readonly issuer: Fingerprint;
  /** Only what was issued after the certificate with this position: the last of the page before. */
  readonly after?: number;
  readonly limit: number;
}

export interface RaisableQuery {
  readonly issuer: Fingerprint;
  /** ms: what has expired by then counts no more. */
  readonly now: number;
  /** Only those behind this one: the last of the page before. */
  readonly after?: { readonly notAfter: number; readonly serialNumber: SerialNumber };
  readonly limit: number;
}

/** Devices in the order of their IDs, and what depends on one issuer. */
export interface DependentQuery {
  readonly issuer: Fingerprint;
  /** ms: what has expired by then, and is past its group's grace, counts no more. */
  readonly now: number;
  /** Only IDs that sort after this one. */
  readonly after?: DeviceId;
  readonly limit: number;
}
