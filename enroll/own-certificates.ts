/** The certificates that Gatehouse issues to itself, and how they are told apart: by the names in them. */
import { X509Certificate } from 'node:crypto';
import type { CertificatePurpose } from '../core/api/certificates.ts';
import type { CertificateRecord } from '../registry/records.ts';

/** The CN of each. */
export const ownNames = {
  enroll: 'gatehouse enroll',
  broker: 'gatehouse broker',
  ocsp: 'Gatehouse OCSP',
} as const satisfies Partial<Record<CertificatePurpose, string>>;

export function purposeOf({ device, der }: Pick<CertificateRecord, 'device' | 'der'>): CertificatePurpose {
  if (device !== null) return 'device';
  const { subject } = new X509Certificate(der);
  for (const purpose of ['enroll', 'broker', 'ocsp'] as const) {
    if (subject === `CN=${ownNames[purpose]}`) return purpose;
  }
  return 'other';
}
