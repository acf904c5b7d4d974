/** OCSP: requests that are read or refused, responses, and what openssl and GnuTLS think of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  bitString,
  encode,
  encoded,
  explicit,
  integer,
  nullValue,
  objectIdentifier,
  sequence,
} from '../../core/pki/der.ts';
import { issueOcspResponderCertificate } from '../../core/pki/issue.ts';
import {
  buildOcspRefusal,
  buildOcspRequest,
  buildOcspResponse,
  type CertId,
  isAboutIssuer,
  issuerHashes,
  type OcspStatus,
  ocspResponder,
  parseOcspRequest,
} from '../../core/pki/ocsp.ts';
import { readStaple } from '../../core/pki/ocsp-staple.ts';
import { oids } from '../../core/pki/oids.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { createKeySigner } from '../../core/pki/signer.ts';
import { describeWith } from '../support/external.ts';
import { certId, extension, nonceOf, requestOf } from '../support/ocsp.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { run } from './command.ts';
import { refusalOf } from './refusal.ts';
import { createAuthority, DAY, generateKeyPairs, issueDevice, SECOND } from './test-authority.ts';

const now = Date.now();
const keys = generateKeyPairs();
const { root, issuing } = await createAuthority({ now, issuingKeys: keys['ec-p256'] });
const device = await issueDevice({ issuer: issuing, now, keys: keys.ed25519 });
const responderKey = publicKeyOf(keys['ec-p384'].publicKey);
const responderCertificate = await issueOcspResponderCertificate({
  issuer: issuing,
  commonName: 'Test OCSP',
  publicKey: responderKey,
  validity: DAY,
  now,
});
const responder = ocspResponder(
  responderCertificate,
  responderKey,
  createKeySigner(keys['ec-p384'].privateKey),
);
const ours = issuerHashes(issuing.certificate);
const times = { producedAt: now, thisUpdate: now, nextUpdate: now + 3_600 * SECOND };

const serialNumber = BigInt(`0x${device.serialNumber}`);
const aboutDevice = sequence(certId('sha256', serialNumber, issuing));
const refusal = (der: Uint8Array) => refusalOf(() => parseOcspRequest(der));

describe('an OCSP request', () => {
  it('tells the certificate and the issuer, by SHA-1 or SHA-256', () => {
    for (const digest of ['sha1', 'sha256'] as const) {
      const { certIds, nonce } = parseOcspRequest(
        requestOf([sequence(certId(digest, serialNumber, issuing))]),
      );
      expect(certIds.map(({ serialNumber: asked }) => asked)).toEqual([device.serialNumber]);
      expect(certIds.every((id) => isAboutIssuer(id, ours))).toBe(true);
      expect(certIds.some((id) => isAboutIssuer(id, issuerHashes(root.certificate)))).toBe(false);
      expect(nonce).toBeNull();
    }
  });

  it('about a foreign issuer, or by another digest, is about none of ours', async () => {
    const other = await createAuthority({ now });
    const renamed = { ...issuing.certificate, subjectDer: root.certificate.subjectDer };
    const ids = [
      certId('sha256', 5n, other.issuing),
      certId('sha1', 5n, { certificate: renamed }),
      certId('sha512', 5n, issuing),
    ];
    const { certIds } = parseOcspRequest(requestOf(ids.map((id) => sequence(id))));
    expect(certIds.map((id) => isAboutIssuer(id, ours))).toEqual([false, false, false]);
  });

  it('may ask about a number that no certificate has', () => {
    const negative = Buffer.from(encode(certId('sha256', 0x4000n, issuing)));
    negative[negative.length - 2] = 0x80;
    const ids = [certId('sha256', 0n, issuing), certId('sha256', 2n ** 200n, issuing), encoded(negative)];
    const { certIds } = parseOcspRequest(requestOf(ids.map((id) => sequence(id))));
    expect(certIds.map((id) => id.serialNumber)).toEqual(['00', undefined, undefined]);
  });

  it('may have a nonce of 1 to 128 octets (RFC 9654 §2.1)', () => {
    for (const size of [1, 16, 32, 128]) {
      expect(parseOcspRequest(requestOf([aboutDevice], nonceOf(size))).nonce).toHaveLength(size);
    }
  });

  const malformed: Readonly<Record<string, Uint8Array>> = {
    'no request at all': new Uint8Array(),
    'no certificate asked about': requestOf([]),
    'more certificates than anybody asks about at once': requestOf(
      Array.from({ length: 17 }, () => aboutDevice),
    ),
    'an empty nonce': requestOf([aboutDevice], nonceOf(0)),
    'a nonce of 129 octets': requestOf([aboutDevice], nonceOf(129)),
    'a nonce that is no OCTET STRING': requestOf([aboutDevice], extension(oids.ocspNonce, integer(7))),
    'a nonce without its inner wrapping': requestOf(
      [aboutDevice],
      extension(oids.ocspNonce, Buffer.alloc(16, 7)),
    ),
    'two nonces': requestOf([aboutDevice], nonceOf(16), nonceOf(16)),
    'a critical extension that is not understood': requestOf(
      [aboutDevice],
      extension('1.2.3.4', nullValue(), true),
    ),
    'one in the request for a certificate': requestOf([
      sequence(certId('sha1', 5n, issuing), explicit(0, sequence(extension('1.2.3.4', nullValue(), true)))),
    ]),
    'version 2': encode(sequence(sequence(explicit(0, integer(1)), sequence(aboutDevice)))),
    'bytes after it': Buffer.concat([requestOf([aboutDevice]), Buffer.of(0)]),
    'more than 8 KiB': requestOf([aboutDevice], extension('1.2.3.4', Buffer.alloc(8_192))),
  };
  for (const [name, der] of Object.entries(malformed)) {
    it(`is refused: ${name}`, () => expect(refusal(der)).toBe('ocsp_request_malformed'));
  }

  it('is taken with a signature, at which nobody looks', () => {
    const signature = sequence(
      sequence(objectIdentifier(oids.ecdsaWithSha256)),
      bitString(Buffer.alloc(70)),
      explicit(0, sequence(encoded(device.der))),
    );
    const signed = encode(sequence(sequence(sequence(aboutDevice)), explicit(0, signature)));
    expect(parseOcspRequest(signed).certIds.map((id) => id.serialNumber)).toEqual([device.serialNumber]);
  });

  it('may be about sixteen certificates', () => {
    const ids = Array.from({ length: 16 }, (_, at) => sequence(certId('sha256', BigInt(at + 1), issuing)));
    expect(parseOcspRequest(requestOf(ids)).certIds).toHaveLength(16);
  });

  it('of our own reads as what it asks', () => {
    const { certIds, nonce } = parseOcspRequest(buildOcspRequest(issuing.certificate, device.serialNumber));
    expect(certIds.map((id) => [id.serialNumber, isAboutIssuer(id, ours)])).toEqual([
      [device.serialNumber, true],
    ]);
    expect(nonce).toBeNull();
  });

  it('is taken with an extension that is not critical', () => {
    expect(refusal(requestOf([aboutDevice], extension('1.2.3.4', nullValue())))).toBeNull();
  });

  it('is read or refused, whatever bytes come', () => {
    const sound = Buffer.from(requestOf([aboutDevice], nonceOf(16)));
    const changes = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changes, (list) => {
        const changed = Buffer.from(sound);
        for (const [at, octet] of list) changed[at] = octet;
        expect([null, 'ocsp_request_malformed']).toContain(refusal(changed));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a refusal', () => {
  it('is its status alone (RFC 6960 §4.2.1)', () => {
    const statuses = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;
    for (const [refused, number] of Object.entries(statuses)) {
      const der = buildOcspRefusal(refused as keyof typeof statuses);
      expect(Buffer.from(der).toString('hex')).toBe(`30030a010${number}`);
    }
  });
});

describe('a response', () => {
  const [id] = parseOcspRequest(requestOf([sequence(certId('sha1', serialNumber, issuing))])).certIds as [
    CertId,
  ];
  const build = (status: OcspStatus, nonce: Uint8Array | null = null) =>
    buildOcspResponse({ responder, answers: [{ certId: id, status }], nonce, ...times });

  it('repeats the CertID and the nonce as they came, and brings its certificate along', async () => {
    const nonce = Buffer.alloc(32, 9);
    const der = Buffer.from(await build({ status: 'good' }, nonce));
    expect(der.includes(Buffer.from(id.der))).toBe(true);
    expect(der.includes(Buffer.concat([Buffer.of(0x04, 0x22, 0x04, 0x20), nonce]))).toBe(true);
    expect(der.includes(Buffer.from(responderCertificate.der))).toBe(true);
  });

  it('has no nonce where the request had none', async () => {
    const oid = Buffer.from(encode(objectIdentifier(oids.ocspNonce)));
    expect(Buffer.from(await build({ status: 'good' })).includes(oid)).toBe(false);
    expect(Buffer.from(await build({ status: 'good' }, Buffer.alloc(1))).includes(oid)).toBe(true);
  });
});

describe('a response read back, to be stapled', () => {
  const [id, other] = parseOcspRequest(
    requestOf([sequence(certId('sha1', serialNumber, issuing)), sequence(certId('sha256', 5n, issuing))]),
  ).certIds as [CertId, CertId];
  const good = { status: 'good' } as const;
  const revoked = { status: 'revoked', revokedAt: now, reason: 'keyCompromise' } as const;
  const whole = (time: number) => time - (time % SECOND);

  it.each([good, revoked, { status: 'unknown' } as const])(
    'tells of whom and how long: %j',
    async (status) => {
      for (const nonce of [null, Buffer.alloc(8)]) {
        const der = await buildOcspResponse({
          responder,
          answers: [{ certId: id, status }],
          nonce,
          ...times,
        });
        const [thisUpdate, nextUpdate] = [whole(times.thisUpdate), whole(times.nextUpdate)];
        expect(readStaple(der)).toEqual({ der, serialNumber: device.serialNumber, thisUpdate, nextUpdate });
      }
    },
  );

  it('is nothing to staple where it is a refusal, or about two certificates, or no response', async () => {
    const answers = [id, other].map((asked) => ({ certId: asked, status: good }));
    const about = (asked: typeof answers) =>
      buildOcspResponse({ responder, answers: asked, nonce: null, ...times });
    const one = await about(answers.slice(0, 1));
    const none = [await about(answers), await about([]), Buffer.alloc(0), Buffer.concat([one, Buffer.of(0)])];
    for (const der of [...none, buildOcspRefusal('tryLater')]) expect(readStaple(der)).toBeUndefined();
  });

  it('is read or is nothing, whatever bytes come', async () => {
    const sound = Buffer.from(
      await buildOcspResponse({ responder, answers: [{ certId: id, status: good }], nonce: null, ...times }),
    );
    const change = fc.tuple(fc.nat(sound.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (list) => {
        const changed = Buffer.from(sound);
        for (const [at, octet] of list) changed[at] = octet;
        const staple = readStaple(changed);
        expect(staple === undefined || staple.nextUpdate > 0).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describeWith(['openssl'], 'openssl, asking', () => {
  const folder = temporaryFolder();
  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content);
  write('root.pem', root.certificate.pem);
  write('issuing.pem', issuing.certificate.pem);
  write('device.pem', device.pem);
  write('responder.pem', responderCertificate.pem);
  const about = ['-issuer', 'issuing.pem', '-cert', 'device.pem'];
  const trust = ['-CAfile', 'root.pem', '-verify_other', 'issuing.pem'];

  const answers: readonly (readonly [OcspStatus, string])[] = [
    [{ status: 'good' }, 'device.pem: good'],
    [{ status: 'revoked', revokedAt: now - SECOND, reason: 'certificateHold' }, 'Reason: certificateHold'],
    [{ status: 'revoked', revokedAt: now - SECOND, reason: 'unspecified' }, 'device.pem: revoked'],
    [{ status: 'unknown' }, 'device.pem: unknown'],
  ];
  for (const digest of ['sha1', 'sha256']) {
    for (const [status, text] of answers) {
      it(`by ${digest} understands "${text}" and finds the signature good`, async () => {
        expect(
          run(folder, 'openssl', 'ocsp', `-${digest}`, ...about, '-no_nonce', '-reqout', 'request').status,
        ).toBe(0);
        await answer(status);
        const { output } = run(
          folder,
          'openssl',
          'ocsp',
          '-respin',
          'response',
          `-${digest}`,
          ...about,
          '-no_nonce',
          ...trust,
        );
        expect(output).toContain(text);
        expect(output).toContain('Response verify OK');
      });
    }
  }

  it('asks as we do, byte by byte', () => {
    expect(run(folder, 'openssl', 'ocsp', ...about, '-no_nonce', '-reqout', 'request').status).toBe(0);
    const own = buildOcspRequest(issuing.certificate, device.serialNumber);
    expect(readFileSync(join(folder, 'request'))).toEqual(Buffer.from(own));
  });

  it('finds its nonce again, and not another one', async () => {
    run(folder, 'openssl', 'ocsp', ...about, '-reqout', 'request');
    await answer({ status: 'good' });
    const check = ['ocsp', '-reqin', 'request', '-respin', 'response', ...trust];
    expect(run(folder, 'openssl', ...check)).toMatchObject({
      status: 0,
      output: expect.stringContaining('Response verify OK'),
    });
    run(folder, 'openssl', 'ocsp', ...about, '-reqout', 'request');
    expect(run(folder, 'openssl', ...check).output).toContain('Nonce Verify error');
  });

  it('accepts the responder as one', () => {
    const verify = [
      'verify',
      '-x509_strict',
      '-purpose',
      'ocsphelper',
      '-CAfile',
      'root.pem',
      '-untrusted',
      'issuing.pem',
    ];
    expect(run(folder, 'openssl', ...verify, 'responder.pem').status).toBe(0);
  });

  describeWith(['ocsptool'], 'GnuTLS, asking', () => {
    it('finds the response good, nonce and all', async () => {
      const request = [
        '--generate-request',
        '--load-cert',
        'device.pem',
        '--load-issuer',
        'issuing.pem',
        '--nonce',
      ];
      expect(run(folder, 'ocsptool', ...request, '--outder', '--outfile', 'request').status).toBe(0);
      await answer({ status: 'good' });
      const check = ['--verify-response', '--load-response', 'response', '--load-trust', 'issuing.pem'];
      expect(run(folder, 'ocsptool', ...check)).toMatchObject({
        status: 0,
        output: expect.stringContaining('Success'),
      });
    });
  });

  /** Answers the file `request` in the file `response`, as a responder would. */
  async function answer(status: OcspStatus): Promise<void> {
    const { certIds, nonce } = parseOcspRequest(readFileSync(join(folder, 'request')));
    expect(certIds.every((asked) => isAboutIssuer(asked, ours))).toBe(true);
    const asked = certIds.map((each) => ({ certId: each, status }));
    write('response', await buildOcspResponse({ responder, answers: asked, nonce, ...times }));
  }
});
