/** ECDSA signatures as tokens give them, made into those that X.509 carries. */
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Fields, readUnsignedInteger, tags } from '../../core/pki/der-fields.ts';
import { decodeDer } from '../../core/pki/der-reader.ts';
import { ecdsaSignature } from '../../core/pki/ecdsa-signature.ts';

const toBigInt = (octets: Uint8Array) => BigInt(`0x${Buffer.from(octets).toString('hex')}`);
/** Positive, and often short: those are what goes wrong. */
const half = (size: number) =>
  fc
    .tuple(fc.uint8Array({ minLength: size, maxLength: size }), fc.nat(size - 1))
    .map(([octets, zeros]) => octets.fill(0, 0, zeros))
    .filter((octets) => octets.some((octet) => octet !== 0));

describe.each([32, 48, 66])('an ECDSA signature of twice %i octets', (size) => {
  it('is two integers in strictly minimal DER, and the same two', () => {
    fc.assert(
      fc.property(half(size), half(size), (r, s) => {
        // The reader refuses padded integers, and whatever else is BER and no DER.
        const element = decodeDer(ecdsaSignature(Buffer.concat([r, s])), { maxBytes: 256, maxDepth: 2 });
        const fields = new Fields(element);
        const [first, second] = [fields.next(tags.integer), fields.next(tags.integer)];
        fields.end();
        expect([readUnsignedInteger(first), readUnsignedInteger(second)]).toEqual([toBigInt(r), toBigInt(s)]);
        for (const { content } of [first, second])
          expect(content[0] === 0 && (content[1] ?? 0xff) < 0x80).toBe(false);
      }),
    );
  });
});

describe('an ECDSA signature', () => {
  it.each([
    ['P-256', 'sha256'],
    ['P-384', 'sha384'],
  ])('of %s verifies', (namedCurve, digest) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    for (let round = 0; round < 50; round += 1) {
      const data = Buffer.from(`round ${round}`);
      const raw = sign(digest, data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      expect(verify(digest, data, publicKey, ecdsaSignature(raw))).toBe(true);
    }
  });

  it.each([
    ['of no octets', Buffer.alloc(0)],
    ['of an odd number of octets', Buffer.alloc(63, 1)],
    ['whose r is zero', Buffer.concat([Buffer.alloc(32), Buffer.alloc(32, 1)])],
    ['whose s is zero', Buffer.concat([Buffer.alloc(32, 1), Buffer.alloc(32)])],
  ])('%s is none', (_name, raw) => {
    expect(() => ecdsaSignature(raw)).toThrow(RangeError);
  });
});
