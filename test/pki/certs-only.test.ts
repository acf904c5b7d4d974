/** "certs-only" messages as others read them, and as DER has them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { decodeDer } from '../../core/pki/der-reader.ts';
import { certsOnly } from '../../core/pki/pkcs7.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { run } from './command.ts';
import { createAuthority } from './test-authority.ts';

const { root, issuing } = await createAuthority({ now: Date.now() });
const certificates = [root.certificate.der, issuing.certificate.der];

describe('a certs-only message', () => {
  it('is DER, and the same whatever order its certificates came in (X.690 §11.6)', () => {
    const message = certsOnly(certificates);
    const limits = { maxBytes: 10_000, maxDepth: 16 };
    expect(decodeDer(message, limits).bytes).toHaveLength(message.length);
    expect(Buffer.from(certsOnly(certificates.toReversed())).equals(message)).toBe(true);
  });
});

describeWith(['openssl', 'certtool'], 'openssl and GnuTLS', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'two.p7'), certsOnly(certificates));
  writeFileSync(join(folder, 'one.p7'), certsOnly([issuing.certificate.der]));

  it('find the certificates, and neither signers nor CRLs', () => {
    const { status, output } = run(folder, 'openssl', 'pkcs7', '-inform', 'DER', '-in', 'two.p7', '-print');
    expect(status).toBe(0);
    expect(output.match(/subject: CN=.*/g)?.sort()).toEqual([
      'subject: CN=Test Issuing CA',
      'subject: CN=Test Root CA',
    ]);
    expect(output).toMatch(/version: 1\s/);
    expect(output).toMatch(/contents: ?\n?\s*type: pkcs7-data/);
    expect(output).toMatch(/signer_info:\s*<EMPTY>/);
    const gnutls = run(folder, 'certtool', '--p7-info', '--inder', '--infile', 'one.p7');
    expect([gnutls.status, gnutls.output]).toEqual([0, expect.stringContaining('Number of certificates: 1')]);
  });
});
