/** Calls that change many devices or certificates at once. */
import type { DeviceId, SerialNumber } from '../ids.ts';
import type { RevocationReason } from '../pki/revocation-reason.ts';
import type { DeviceView, RevokeRequest } from './devices.ts';
import type { Problem } from './problem.ts';
import type { RequestView } from './requests.ts';

/** One line of the answer to a call that changes many at once. */
export type BulkAnswer<Result> =
  | { readonly written: number; readonly of: number }
  | { readonly result: Result }
  | { readonly problem: Problem };

/**
 * POST /api/v1/groups/NAME/{revoke,suspend,resume} and /api/v1/issuers/FINGERPRINT/revoke-certificates: 409 where more
 * devices, or certificates, would change than `atMost`, 0 where absent. A reason goes with what revokes.
 */
export interface BulkChangeRequest extends RevokeRequest {
  readonly atMost?: number;
  readonly dryRun?: boolean;
}

/**
 * These answer NDJSON, and so do POST /api/v1/devices/{revoke,suspend,resume,reinstate,release} and
 * /api/v1/certificates/revoke, which take NDJSON: `{"id"}` or `{"serialNumber"}` a line, with `reason`, `atMost` and
 * `dryRun` in the query. The same lines come whether it is a dry run or not: how far it is, whom it concerns, some in a
 * line, and how it ended. What comes before the result counts for nothing until the result is there.
 */
export type ChangeAnswer =
  | BulkAnswer<ChangeResult>
  | { readonly devices: readonly ChangingDevice[] }
  | { readonly certificates: readonly ChangingCertificate[] };
export interface ChangeResult {
  /** Nothing was written: these are the numbers that would be. */
  readonly dryRun: boolean;
  readonly counts: ChangeCounts;
}
export interface ChangeCounts {
  /** Devices that changed; none where certificates alone were revoked. */
  readonly devices: number;
  /** Those of the devices, where devices changed. */
  readonly certificates: number;
  /** They were named, and were so before. */
  readonly unchanged: number;
}
/**
 * What every command that changes devices, certificates or requests, one or many, prints with --json: the whole answer as
 * one, with all of its fields.
 */
export interface ChangeReport {
  readonly dryRun: boolean;
  readonly counts: ChangeCounts & { readonly requests: number };
  readonly devices: readonly ChangingDevice[];
  /** That were revoked by themselves; those that changed with their devices are named there. */
  readonly certificates: readonly ChangingCertificate[];
  readonly requests: readonly ChangingRequest[];
}
export interface ChangingDevice {
  readonly id: DeviceId;
  /** From then on. */
  readonly status: DeviceView['status'];
  /** Serial numbers of those that change with it. */
  readonly certificates: readonly SerialNumber[];
  /** Of these, those that were revoked before, for less. Absent where there is none. */
  readonly raised?: readonly (RaisedReason & { readonly serialNumber: SerialNumber })[];
}
/** Of a certificate that is revoked already only the reason changes. */
export interface RaisedReason {
  readonly from: RevocationReason;
  readonly to: RevocationReason;
}
/** It was decided otherwise before, or not at all. */
export interface ChangingRequest {
  readonly id: RequestView['id'];
  readonly device: DeviceId;
  /** From then on. */
  readonly status: RequestView['status'];
}
export interface ChangingCertificate {
  readonly serialNumber: SerialNumber;
  /** Null for one of Gatehouse's own listeners. */
  readonly device: DeviceId | null;
  /** Absent where it was not revoked before. */
  readonly raised?: RaisedReason;
}
