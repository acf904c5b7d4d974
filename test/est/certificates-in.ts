/** What is in an EST answer, as openssl reads it. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';

/** The certificates of a "certs-only" message in base64. */
export function certificatesIn(base64: string): X509Certificate[] {
  const pem = execFileSync('openssl', ['pkcs7', '-inform', 'DER', '-print_certs'], {
    input: Buffer.from(base64, 'base64'),
    encoding: 'utf8',
  });
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
