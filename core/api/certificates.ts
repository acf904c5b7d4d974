/** What enroll answers of certificates. Times are ISO 8601 in UTC; certificates are PEM. */
import type { DeviceId, Fingerprint, SerialNumber } from '../ids.ts';

/** GET /api/v1/certificates/SERIAL */
export interface CertificateView {
  readonly serialNumber: SerialNumber;
  readonly fingerprint: Fingerprint;
  readonly device: DeviceId | null;
  readonly issuer: Fingerprint;
  readonly status: 'active' | 'superseded' | 'suspended' | 'revoked';
  readonly notBefore: string;
  readonly notAfter: string;
  readonly revokedAt: string | null;
  readonly reason: string | null;
  /** The certificate that this one renews, if any, and when it was first used at the broker since. */
  readonly renews: SerialNumber | null;
  readonly firstUsedAt: string | null;
  readonly pem: string;
}
