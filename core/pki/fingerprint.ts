/** SHA-256 fingerprints: what certificates and keys are known by. */
import { hash } from 'node:crypto';
import { type Fingerprint, parseFingerprint } from '../ids.ts';

/** @param der a certificate, or a SubjectPublicKeyInfo */
export function fingerprintOf(der: Uint8Array): Fingerprint {
  return parseFingerprint(hash('sha256', der, 'hex'));
}
