/** The record of a certificate that has just been signed. */
import type { DeviceId, Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { IssuedCertificate } from '../../core/pki/issue.ts';
import type { CertificateRecord } from '../../registry/records.ts';

export interface NewCertificate {
  readonly certificate: IssuedCertificate;
  /** Null for a certificate of Gatehouse's own listeners. */
  readonly device: DeviceId | null;
  /** Of the CA certificate that issued it. */
  readonly issuer: Fingerprint;
  readonly issuedAt: number;
  /** The certificate that it renews, null where it is the first of its kind. */
  readonly renews: SerialNumber | null;
}

export function certificateRecord({ certificate, ...terms }: NewCertificate): CertificateRecord {
  const { serialNumber, fingerprint, keyFingerprint, notBefore, notAfter, der } = certificate;
  return {
    serialNumber,
    fingerprint,
    keyFingerprint,
    notBefore,
    notAfter,
    der,
    ...terms,
    status: 'active',
    revokedAt: null,
    reason: null,
    firstUsedAt: null,
  };
}
