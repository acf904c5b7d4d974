/** OCSP requests that are read or refused. */
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
import { buildOcspRequest, isAboutIssuer, issuerHashes, parseOcspRequest } from '../../core/pki/ocsp.ts';
import { oids } from '../../core/pki/oids.ts';
import { certId, extension, nonceOf, requestOf } from '../support/ocsp.ts';
import { aboutDevice, device, issuing, now, ours, refusal, root, serialNumber } from './ocsp-parties.ts';
import { createAuthority } from './test-authority.ts';

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
