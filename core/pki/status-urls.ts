/** Where a certificate says that its status can be asked. Made in one place: CDP and IDP must be equal byte for byte. */
import type { Fingerprint } from '../ids.ts';
import { type CrlPart, crlUrl } from './crl-names.ts';

export interface StatusUrls {
  /** CRL of the issuer, DER. */
  readonly crl: string;
  /** Certificate of the issuer, DER. */
  readonly caIssuers: string;
  readonly ocsp: string;
}

/**
 * @param statusUrl base address of the status listener, with or without a slash at its end
 * @param issuer of the certificates that will carry the addresses
 * @param part the list that tells of them
 */
export function statusUrls(statusUrl: string, issuer: Fingerprint, part: CrlPart = 'full'): StatusUrls {
  const base = statusUrl.replace(/\/+$/, '');
  return {
    crl: crlUrl(base, { issuer, part }),
    caIssuers: `${base}/ca/${issuer}.cer`,
    ocsp: `${base}/ocsp`,
  };
}
