/** The fingerprint of a key, out of whatever file holds it; openssl says what it is. */
import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { keyFingerprintIn } from '../../core/pki/key-file.ts';
import { decodePem, encodePem } from '../../core/pki/pem.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import { keyFingerprintOf } from '../enrollment/renewing.ts';
import { describeWith } from '../support/external.ts';
import { createAuthority } from './test-authority.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const expected = keyFingerprintOf(privateKey);
const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });

describe('the fingerprint of the key in', () => {
  it.each([
    ['a public key, DER', spki],
    ['a public key, PEM', Buffer.from(encodePem('PUBLIC KEY', spki))],
    ['a private key, PKCS #8', Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }))],
    ['a private key, SEC 1', Buffer.from(privateKey.export({ type: 'sec1', format: 'pem' }))],
  ])('%s', (_what, bytes) => {
    expect(keyFingerprintIn(bytes)).toBe(expected);
  });

  it('a request, PEM or DER', async () => {
    const der = await buildCsr({ commonName: 'a', privateKey });
    expect(keyFingerprintIn(der)).toBe(expected);
    expect(keyFingerprintIn(Buffer.from(`explained:\n${encodePem('CERTIFICATE REQUEST', der)}`))).toBe(
      expected,
    );
  });

  it('a certificate, PEM or DER', async () => {
    const { root } = await createAuthority({ now: Date.now() });
    const { pem, publicKey } = root.certificate;
    expect(keyFingerprintIn(Buffer.from(pem))).toBe(publicKey.keyFingerprint);
    expect(keyFingerprintIn(decodePem('CERTIFICATE', pem))).toBe(publicKey.keyFingerprint);
  });

  it('a key that is too weak to enroll: it may be blocked all the same', () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    expect(keyFingerprintIn(weak.publicKey.export({ type: 'spki', format: 'der' }))).toMatch(
      /^[0-9a-f]{64}$/,
    );
  });
});

describeWith(['openssl'], 'openssl', () => {
  it('finds the same', () => {
    const der = execFileSync('openssl', ['pkey', '-pubout', '-outform', 'DER'], {
      input: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    });
    const digest = execFileSync('openssl', ['dgst', '-sha256', '-r'], { input: der }).toString().slice(0, 64);
    expect(keyFingerprintIn(der)).toBe(digest);
  });
});

describe('a file', () => {
  it.each([
    ['that is empty', ''],
    ['of text', 'hello'],
    ['with broken base64', encodePem('PUBLIC KEY', spki).replace('M', '*')],
    ['with another thing in PEM', encodePem('X509 CRL', Buffer.from([0x30, 0x00]))],
    ['cut off', Buffer.from(spki.subarray(0, -1))],
    ['with bytes behind the key', Buffer.concat([spki, Buffer.from([0])])],
    [
      'with a private key under a passphrase',
      privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }),
    ],
    ['with another field in the key', Buffer.from('30083000030200010500', 'hex')],
    ['that is huge', Buffer.alloc(70_000, 0x30)],
  ])('%s is refused', (_what, content) => {
    expect(() => keyFingerprintIn(Buffer.from(content))).toThrow(
      expect.objectContaining({ code: 'key_file_invalid' }),
    );
  });

  it('of any bytes is read or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.nat({ max: spki.length - 1 }), fc.nat({ max: 255 }), (at, octet) => {
        const bytes = Buffer.from(spki);
        bytes[at] = octet;
        try {
          expect(keyFingerprintIn(bytes)).toMatch(/^[0-9a-f]{64}$/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'key_file_invalid' });
        }
      }),
    );
  });
});
