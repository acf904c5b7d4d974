/** The CA over HTTP: its certificates, its CRLs, and the moves of a roll-over. Times are ISO 8601 in UTC; certificates are PEM. */
import type { Fingerprint, SerialNumber } from '../ids.ts';
import type { CrlPart } from '../pki/crl-names.ts';

/** GET /api/v1/issuers */
export interface IssuerView {
  readonly fingerprint: Fingerprint;
  readonly kind: 'root' | 'issuing';
  readonly status: 'active' | 'retiring' | 'retired';
  readonly serialNumber: SerialNumber;
  readonly subject: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly pem: string;
}

/** GET /api/v1/issuers/status */
export interface CaStatusView {
  /** Devices with a certificate that stands, is suspended, or may still be renewed. */
  readonly devices: number;
  /** Of these, the ones that are known to have a certificate of the active issuing CA. */
  readonly moved: number;
  readonly issuers: readonly IssuerStatusView[];
}

export interface IssuerStatusView extends IssuerView {
  /** On the active issuing CA, or dependent on a retiring one; null for roots and for what is retired. */
  readonly devices: number | null;
  /** Its CRLs: the full list, the delta and the shards, as far as there are any. */
  readonly crls: readonly CrlView[];
}

export interface CrlView {
  readonly list: CrlPart;
  readonly number: string;
  readonly thisUpdate: string;
  readonly nextUpdate: string;
  /** Certificates on it; null where that was not counted. */
  readonly entries: number | null;
  /** Of the DER. */
  readonly bytes: number;
  /** Under the address of the status listener; `.pem` in place of `.crl` gives PEM. */
  readonly path: string;
}

/** POST /api/v1/issuers/rotate */
export interface RotateRequest {
  readonly root?: boolean;
}

export interface CaRotation {
  readonly issuing: IssuerView;
  /** Null where the root stayed. */
  readonly root: IssuerView | null;
}

/** POST /api/v1/issuers/FINGERPRINT/retire: 409 where more devices would be locked out than `lockOut`, 0 where absent. */
export interface RetireRequest {
  readonly lockOut?: number;
}

export interface CaRetirement {
  readonly issuer: IssuerView;
  /** Devices that had nothing else. */
  readonly lockedOut: number;
  /** Whether the root's CRL tells others of it; the root's key has to be at hand for that. */
  readonly listedByRoot: boolean;
}
