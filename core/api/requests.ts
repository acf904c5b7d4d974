/** Enrollments that wait for an operator, over HTTP. Times are ISO 8601 in UTC. */
import type { RequestStatus } from '../enrollment/approval.ts';
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../ids.ts';
import type { KeyKind } from '../pki/public-key.ts';

/** GET /api/v1/requests and /api/v1/requests/ID; POST …/{approve,deny} answer it as well. */
export interface RequestView {
  readonly id: number;
  readonly status: RequestStatus;
  readonly device: DeviceId;
  readonly group: EntityName;
  /** The id of the token that was shown; null where it was a factory certificate. */
  readonly token: string | null;
  readonly manufacturer: EntityName | null;
  readonly factoryCertificate: Fingerprint | null;
  readonly keyKind: KeyKind;
  readonly keyFingerprint: Fingerprint;
  readonly address: string;
  readonly createdAt: string;
  /** When it lapses; null once it is denied or issued. */
  readonly expiresAt: string | null;
  readonly decidedAt: string | null;
  readonly decidedBy: string | null;
  readonly reason: string | null;
  readonly serialNumber: SerialNumber | null;
}
