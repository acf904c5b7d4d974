/** Bytes that are no request, or not quite: each is refused with a code, and nothing else ever happens. */
import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GatehouseError } from '../../core/errors.ts';
import { type CertificationRequest, decodeCsr, parseCsr } from '../../core/pki/csr.ts';
import {
  type Asn1,
  encode,
  encoded,
  implicit,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  utf8String,
} from '../../core/pki/der.ts';
import { keyKinds } from '../../core/pki/public-key.ts';
import { refusalOf } from './refusal.ts';
import { buildRequest } from './request-builder.ts';
import { generateKeyPairs } from './test-authority.ts';

const keys = generateKeyPairs();
const { privateKey } = keys['ec-p256'];
const der = Buffer.from(buildRequest({ privateKey }));
const refusal = (bytes: Uint8Array) => refusalOf(() => parseCsr(bytes));

/** Attributes of a request: one, of a type that means nothing, with this value. */
function attributesWith(value: Asn1): Asn1 {
  return implicit(0, sequence(objectIdentifier('1.2.3'), setOf(value)));
}

/** The header of the outer SEQUENCE is 30 81 xx or 30 82 xx xx. */
const content = der.subarray(2 + ((der[1] ?? 0) & 0x7f));
const withHeader = (...header: readonly number[]) => Buffer.concat([Buffer.from(header), content]);

describe('a request cut short or drawn out', () => {
  it('is refused at every length below its own', () => {
    for (let length = 0; length < der.length; length += 1) {
      expect(refusal(der.subarray(0, length))).toBe('csr_malformed');
    }
  });

  it('is refused with bytes after it', () => {
    expect(refusal(Buffer.concat([der, Buffer.of(0)]))).toBe('csr_trailing_data');
    expect(refusal(Buffer.concat([der, der]))).toBe('csr_trailing_data');
  });

  it('is refused with more fields than a request has, signed or not', () => {
    expect(refusal(buildRequest({ privateKey, surplusOutside: [nullValue()] }))).toBe('csr_malformed');
    expect(refusal(buildRequest({ privateKey, surplusInside: [nullValue()] }))).toBe('csr_malformed');
  });

  it('is refused beyond 16 KiB, sound or not', () => {
    const ofSize = (bytes: number) => attributesWith(octetString(Buffer.alloc(bytes)));
    expect(refusal(buildRequest({ privateKey, attributes: ofSize(17 * 1024) }))).toBe('csr_malformed');
    expect(refusal(buildRequest({ privateKey, attributes: ofSize(15 * 1024) }))).toBeNull();
  });
});

describe('BER that is not DER', () => {
  /** Each is the value of an attribute that nobody reads, and is signed with the rest. */
  const inAttributes = {
    'an indefinite length': '30800000',
    'a length in more octets than it takes': '0482000100',
    'a long length that a short one would do for': '04810100',
    'an INTEGER with a leading zero': '02020001',
    'a negative INTEGER with a leading octet of ones': '0202ff80',
  };
  for (const [name, hex] of Object.entries(inAttributes)) {
    it(`is refused: ${name}`, () => {
      const attribute = tagged('30', `06022a03${tagged('31', hex)}`);
      const attributes = encoded(Buffer.from(tagged('a0', attribute), 'hex'));
      expect(refusal(buildRequest({ privateKey, attributes }))).toBe('csr_malformed');
    });
  }

  it('is refused: the request itself with an indefinite length, or a longer one than it takes', () => {
    const [high, low] = [content.length >> 8, content.length & 0xff];
    expect(refusal(Buffer.concat([withHeader(0x30, 0x80), Buffer.of(0, 0)]))).toBe('csr_malformed');
    expect(refusal(withHeader(0x30, 0x83, 0, high, low))).toBe('csr_malformed');
    expect(refusal(withHeader(0x30, 0x84, 0, 0, high, low))).toBe('csr_malformed');
  });

  it('is refused: a BIT STRING in pieces', () => {
    const pieces = { privateKey, spki: encoded(inPieces(keys['ec-p256'].publicKey)) };
    expect(refusal(buildRequest(pieces))).toBe('csr_malformed');
  });

  it('is refused: an OBJECT IDENTIFIER with a padded arc, which another reader takes for the plain one', () => {
    // 2.5.4.3 with its last arc as 80 03; the attribute must not be read as a CN, nor passed over.
    const attribute = sequence(encoded(Buffer.from('060455048003', 'hex')), utf8String('press-7'));
    expect(refusal(buildRequest({ privateKey, subject: sequence(setOf(attribute)) }))).toBe('csr_malformed');
  });

  function tagged(tag: string, hex: string): string {
    return `${tag}${(hex.length / 2).toString(16).padStart(2, '0')}${hex}`;
  }

  function inPieces(key: KeyObject): Uint8Array {
    const spki = key.export({ type: 'spki', format: 'der' });
    const [algorithm, bits] = [spki.subarray(2, -68), spki.subarray(-68)];
    const piece = Buffer.concat([Buffer.of(0x23, bits.length), bits]);
    return encode(sequence(encoded(algorithm), encoded(piece)));
  }
});

describe('hostile structure', () => {
  function nested(depth: number): Asn1 {
    let element = nullValue();
    for (let level = 0; level < depth; level += 1) element = sequence(element);
    return element;
  }

  it('is refused: nesting deeper than any request needs', () => {
    expect(refusal(buildRequest({ privateKey, attributes: attributesWith(nested(30)) }))).toBe(
      'csr_malformed',
    );
    expect(refusal(encode(nested(3_000)))).toBe('csr_malformed');
  });

  it('is refused: lengths far beyond the data', () => {
    for (const header of [
      [0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
      [0x30, 0x84, 0x7f, 0xff, 0xff, 0xff],
      [0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x30, 0xff],
    ]) {
      expect(refusal(withHeader(...header))).toBe('csr_malformed');
    }
  });

  it('is refused: other types than belong there', () => {
    for (const tag of [0x31, 0x04, 0x10, 0xa0, 0x1f, 0x3f]) {
      const changed = Buffer.from(der);
      changed[0] = tag;
      expect(refusal(changed)).toBe('csr_malformed');
    }
    const wrong: readonly Asn1[] = [nullValue(), sequence(), sequence(nullValue(), nullValue())];
    for (const spki of wrong) expect(refusal(buildRequest({ privateKey, spki }))).toBe('csr_malformed');
    for (const subject of [
      nullValue(),
      setOf(nullValue()),
      sequence(utf8String('press-7')),
      sequence(setOf(sequence())),
    ]) {
      expect(refusal(buildRequest({ privateKey, subject }))).toBe('csr_malformed');
    }
    for (const algorithm of wrong)
      expect(refusal(buildRequest({ privateKey, algorithm }))).toBe('csr_malformed');
    for (const attribute of wrong)
      expect(refusal(buildRequest({ privateKey, attributes: implicit(0, attribute) }))).toBe('csr_malformed');
  });
});

describe('whatever bytes come', () => {
  /** Null, or a refusal; anything else fails the test by being thrown on. */
  function attempt(bytes: Uint8Array): CertificationRequest | null {
    try {
      return parseCsr(bytes);
    } catch (error) {
      if (error instanceof GatehouseError) return null;
      throw error;
    }
  }

  for (const kind of keyKinds) {
    const original = Buffer.from(buildRequest({ privateKey: keys[kind].privateKey }));
    const { keyFingerprint } = parseCsr(original).publicKey;

    it(`no change of a byte yields an accepted request with another key or CN (${kind})`, () => {
      const change = fc.record({ at: fc.nat(original.length - 1), by: fc.integer({ min: 1, max: 255 }) });
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
          const changed = Buffer.from(original);
          for (const { at, by } of changes) changed[at] = (changed[at] ?? 0) ^ by;
          const accepted = attempt(changed);
          if (accepted === null) return;
          expect(accepted.commonName).toBe('press-7');
          expect(accepted.publicKey.keyFingerprint).toBe(keyFingerprint);
        }),
        { numRuns: 1_000 },
      );
    });
  }

  it('bytes taken out or put in are refused', () => {
    const splice = fc.record({
      at: fc.nat(der.length),
      out: fc.nat(8),
      in: fc.uint8Array({ maxLength: 8 }),
    });
    fc.assert(
      fc.property(splice, ({ at, out, in: put }) => {
        const changed = Buffer.concat([der.subarray(0, at), put, der.subarray(at + out)]);
        if (!changed.equals(der)) expect(attempt(changed)).toBeNull();
      }),
      { numRuns: 1_000 },
    );
  });

  it('no text or bytes make the parsers fail otherwise than by a refusal', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => attempt(bytes) === null));
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${text}\n-----END CERTIFICATE REQUEST-----\n`;
        return refusalOf(() => attempt(decodeCsr(pem))) !== undefined;
      }),
    );
  });
});
