/** CA keys at rest: only the passphrase opens them, and openssl reads and writes the same form. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { decryptPrivateKey, encryptPrivateKey } from '../../core/pki/encrypted-key.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { keyKinds } from '../../core/pki/public-key.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { run } from './command.ts';
import { refusalOf } from './refusal.ts';
import { generateKeyPairs } from './test-authority.ts';

const keys = generateKeyPairs();
const { privateKey } = keys['ec-p384'];
const pem = encryptPrivateKey(privateKey, 'right horse');
/** Where it does not matter what a guess at the passphrase takes. */
const CHEAP = { cost: 2 ** 4, blockSize: 8, parallelization: 1 };

describe('an encrypted key', () => {
  for (const kind of keyKinds) {
    it(`comes back whole with its passphrase (${kind})`, () => {
      const key = keys[kind].privateKey;
      const encrypted = encryptPrivateKey(key, 'p\u00e4ss', CHEAP);
      expect(decryptPrivateKey(encrypted, 'p\u00e4ss').equals(key)).toBe(true);
    });
  }

  it('is refused with another passphrase, or none', () => {
    for (const passphrase of ['wrong horse', 'right horse ', '']) {
      expect(refusalOf(() => decryptPrivateKey(pem, passphrase))).toBe('passphrase_wrong');
    }
  });

  it('is refused where it was changed', () => {
    const der = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
    der[der.length - 20] = (der[der.length - 20] ?? 0) ^ 1;
    const changed = encodePem('ENCRYPTED PRIVATE KEY', der);
    expect(refusalOf(() => decryptPrivateKey(changed, 'right horse'))).toBe('passphrase_wrong');
  });

  it('is refused where it is not encrypted, or no key', () => {
    const plain = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    for (const text of [plain, '', `${pem}x`, pem.replace('MII', '*II').replace('MIG', '*IG')]) {
      expect(refusalOf(() => decryptPrivateKey(text, 'right horse'))).toBe('pem_invalid');
    }
  });

  it('differs each time, and never shows the key', () => {
    expect(encryptPrivateKey(privateKey, 'right horse')).not.toBe(pem);
    const secret = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
    const der = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
    expect(secret).toHaveLength(48);
    expect(der.includes(secret)).toBe(false);
  });
});

describeWith(['openssl'], 'openssl', () => {
  const folder = temporaryFolder();

  it('reads the key, and sees scrypt and AES-256 around it', () => {
    writeFileSync(join(folder, 'key.pem'), pem);
    const { status, output } = run(
      folder,
      'openssl',
      'pkey',
      '-in',
      'key.pem',
      '-passin',
      'pass:right horse',
      '-pubout',
    );
    expect(status).toBe(0);
    expect(output).toContain('PUBLIC KEY');
    const { output: structure } = run(folder, 'openssl', 'asn1parse', '-in', 'key.pem');
    for (const algorithm of ['PBES2', 'scrypt', 'aes-256-cbc']) expect(structure).toContain(`:${algorithm}`);
  });

  it('writes one, with scrypt or PBKDF2, that is read', () => {
    writeFileSync(join(folder, 'plain.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    for (const options of [['-scrypt'], ['-v2', 'aes-256-cbc']]) {
      const output = ['-out', 'theirs.pem', '-passout', 'pass:theirs'];
      expect(
        run(folder, 'openssl', 'pkcs8', '-topk8', '-in', 'plain.pem', ...options, ...output).status,
      ).toBe(0);
      const theirs = readFileSync(join(folder, 'theirs.pem'), 'utf8');
      expect(decryptPrivateKey(theirs, 'theirs').equals(privateKey)).toBe(true);
    }
  });
});
