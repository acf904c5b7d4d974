/** Requests as devices build them, judged by the core's parser and by openssl. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseCsr } from '../../core/pki/csr.ts';
import { boolean, encode, sequence } from '../../core/pki/der.ts';
import { oids } from '../../core/pki/oids.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import { generatePrivateKey, type KeyType } from '../../device-sim/identity/private-key.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const kinds: [KeyType, string][] = [
  ['ec-p256', 'ec-p256'],
  ['ec-p384', 'ec-p384'],
  ['ed25519', 'ed25519'],
  ['rsa-2048', 'rsa'],
];
const asksToBeCa = { oid: oids.basicConstraints, critical: true, value: encode(sequence(boolean(true))) };

describe.each(kinds)('a request for a key of type %s', (type, kind) => {
  it('is one that the core takes, with its name and its key', async () => {
    const privateKey = await generatePrivateKey(type);
    const request = parseCsr(buildCsr({ commonName: 'press-7', privateKey }));
    expect(request.commonName).toBe('press-7');
    expect(request.publicKey.kind).toBe(kind);
  });

  it('is refused once a bit of its signature is changed', async () => {
    const csr = Uint8Array.from(
      buildCsr({ commonName: 'press-7', privateKey: await generatePrivateKey(type) }),
    );
    const last = csr.length - 1;
    csr[last] = (csr[last] ?? 0) ^ 1;
    expect(() => parseCsr(csr)).toThrow(expect.objectContaining({ code: 'csr_signature_invalid' }));
  });
});

describe('a request without a name', () => {
  it('has none', async () => {
    const csr = buildCsr({ commonName: null, privateKey: await generatePrivateKey() });
    expect(parseCsr(csr).commonName).toBeNull();
  });
});

describeWith(['openssl'], 'openssl', () => {
  const folder = temporaryFolder();
  const describeRequest = (csr: Uint8Array) => {
    const file = join(folder, 'request.pem');
    writeFileSync(file, encodePem('CERTIFICATE REQUEST', csr));
    return execFileSync('openssl', ['req', '-in', file, '-verify', '-noout', '-text'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  };

  it.each(kinds)('verifies the request of a key of type %s', async (type) => {
    const text = describeRequest(buildCsr({ commonName: 'a', privateKey: await generatePrivateKey(type) }));
    expect(text).toContain('Subject: CN = a');
  });

  it('reads the extensions that are asked for', async () => {
    const privateKey = await generatePrivateKey();
    const text = describeRequest(buildCsr({ commonName: 'a', privateKey, extensions: [asksToBeCa] }));
    expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE/);
  });
});
