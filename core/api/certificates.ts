/** What enroll answers of certificates. Times are ISO 8601 in UTC; certificates are PEM. */
import type { DeviceId, Fingerprint, SerialNumber } from '../ids.ts';

/** Whose it is: a device's, or Gatehouse's own, for the HTTPS listeners of enroll, for the broker's, or to answer OCSP. */
export const certificatePurposes = ['device', 'enroll', 'broker', 'ocsp', 'other'] as const;
export type CertificatePurpose = (typeof certificatePurposes)[number];

/** GET /api/v1/certificates/SERIAL */
export interface CertificateView {
  readonly serialNumber: SerialNumber;
  readonly fingerprint: Fingerprint;
  readonly purpose: CertificatePurpose;
  /** Null for Gatehouse's own. */
  readonly device: DeviceId | null;
  readonly issuer: Fingerprint;
  readonly status: 'active' | 'superseded' | 'suspended' | 'revoked';
  readonly issuedAt: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly revokedAt: string | null;
  readonly reason: string | null;
  /** The certificate that this one renews, if any, and when it was first used at the broker since. */
  readonly renews: SerialNumber | null;
  readonly firstUsedAt: string | null;
  readonly pem: string;
}
