/** Keys that are no fit identity for anybody: each is refused, and the sound one beside it is not. */
import { createPublicKey, generateKeyPairSync, generatePrimeSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { parseCsr } from '../../core/pki/csr.ts';
import {
  type Asn1,
  bitString,
  encode,
  encoded,
  integer,
  nullValue,
  objectIdentifier,
  sequence,
} from '../../core/pki/der.ts';
import { curves } from '../../core/pki/elliptic-point.ts';
import { oids } from '../../core/pki/oids.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import {
  modularInverse,
  modularPower,
  modulo,
  nextPrime,
  rsaPrivateKey,
  smallPrimes,
  squareRoots,
} from './number-theory.ts';
import { refusalOf } from './refusal.ts';
import { algorithmOf, buildRequest } from './request-builder.ts';
import { generateKeyPair } from './test-authority.ts';

const { privateKey } = generateKeyPair('ec-p256');
/** What a request for this key is refused with. Its signature is another key's: it is not what decides. */
const refusal = (spki: Asn1 | Uint8Array) => refusalOf(() => parseCsr(buildRequest({ privateKey, spki })));
const SOUND = 'csr_signature_algorithm_unsupported';

function random(bits: number): bigint {
  return BigInt(`0x${randomBytes(bits / 8).toString('hex')}`) | (1n << BigInt(bits - 1)) | 1n;
}

/** A number of `bits` bits without small factors: as good as an RSA modulus, for those who can't factor it. */
function modulusOf(bits: number): bigint {
  for (;;) {
    const candidate = random(bits);
    if (smallPrimes.every((prime) => candidate % prime !== 0n)) return candidate;
  }
}

function rsaKey(modulus: bigint, exponent = 65_537n, parameters: readonly Asn1[] = [nullValue()]): Asn1 {
  const key = encode(sequence(integer(modulus), integer(exponent)));
  return sequence(sequence(objectIdentifier(oids.rsaEncryption), ...parameters), bitString(key));
}

function ecKey(curve: string, point: Uint8Array): Asn1 {
  return sequence(sequence(objectIdentifier(oids.ecPublicKey), objectIdentifier(curve)), bitString(point));
}

describe('RSA keys', () => {
  const sound = modulusOf(2048);

  it('are taken from 2048 to 4096 bits', () => {
    for (const bits of [2048, 3072, 4096]) expect(refusal(rsaKey(modulusOf(bits)))).toBe(SOUND);
  });

  it('are refused below 2048 bits', () => {
    expect(refusal(rsaKey(modulusOf(1024)))).toBe('key_weak');
    expect(refusal(rsaKey((modulusOf(2048) >> 1n) | 1n))).toBe('key_weak');
    const { privateKey: small } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    expect(refusalOf(() => parseCsr(buildRequest({ privateKey: small })))).toBe('key_weak');
    expect(refusalOf(() => publicKeyOf(small))).toBe('key_weak');
  });

  it('are refused above 4096 bits', () => {
    expect(refusal(rsaKey(modulusOf(4104)))).toBe('key_unsupported');
    expect(refusal(rsaKey(modulusOf(16_384)))).toBe('key_unsupported');
  });

  it('are refused with a small, even or enormous exponent', () => {
    for (const exponent of [1n, 3n, 17n, 65_535n, 65_536n, 65_538n, 2n ** 256n + 1n]) {
      expect(refusal(rsaKey(sound, exponent))).toBe('key_weak');
    }
    expect(refusal(rsaKey(sound, 2n ** 64n + 13n))).toBe(SOUND);
    const { privateKey: three } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 });
    expect(refusalOf(() => parseCsr(buildRequest({ privateKey: three })))).toBe('key_weak');
  });

  it('are refused with an even modulus, or any other prime factor below 752', () => {
    expect(refusal(rsaKey(sound - 1n))).toBe('key_weak');
    for (const prime of [3n, 101n, 751n]) {
      expect(refusal(rsaKey(prime * modulusOf(2048)))).toBe('key_weak');
    }
  });

  it('are refused with the fingerprint of the ROCA generator', () => {
    const product = smallPrimes.filter((prime) => prime <= 701n).reduce((all, prime) => all * prime, 1n);
    const power = modularPower(65_537n, 4_321n, product);
    // n = k · M + (65537^a mod M), as the product of two such primes is.
    const largerPrimes = smallPrimes.filter((prime) => prime > 701n);
    let modulus = (random(2048) / product) * product + power;
    while (largerPrimes.some((prime) => modulus % prime === 0n)) modulus += product;
    expect(refusal(rsaKey(modulus))).toBe('key_weak');
    expect(refusal(rsaKey(modulusOf(2048)))).toBe(SOUND);
  });

  it('are refused when their primes lie close together, even with a good signature', () => {
    const p = generatePrimeSync(1024, { bigint: true });
    const q = nextPrime(p + 2n ** 400n);
    const key = rsaPrivateKey(p, q);
    expect(refusalOf(() => parseCsr(buildRequest({ privateKey: key })))).toBe('key_weak');
    expect(refusal(rsaKey(p * p))).toBe('key_weak');
  });

  it('are refused with parameters other than NULL', () => {
    expect(refusal(rsaKey(sound, 65_537n, []))).toBe('csr_malformed');
    expect(refusal(rsaKey(sound, 65_537n, [sequence()]))).toBe('csr_malformed');
    expect(refusal(rsaKey(sound, 65_537n, [nullValue(), nullValue()]))).toBe('csr_malformed');
    expect(refusal(rsaKey(sound, 65_537n, [encoded(Buffer.of(0x05, 0x01, 0x00))]))).toBe('csr_malformed');
  });

  it('are refused with numbers that are negative or missing', () => {
    const negative = Buffer.from(encode(integer(sound >> 1n)));
    negative[4] = 0x80;
    const fields = Buffer.concat([negative, encode(integer(65_537n))]);
    const key = Buffer.concat([Buffer.of(0x30, 0x82, fields.length >> 8, fields.length & 0xff), fields]);
    const algorithm = sequence(objectIdentifier(oids.rsaEncryption), nullValue());
    expect(refusal(sequence(algorithm, bitString(key)))).toBe('csr_malformed');
    expect(refusal(sequence(algorithm, bitString(encode(sequence(integer(sound))))))).toBe('csr_malformed');
    expect(refusal(sequence(algorithm, bitString(new Uint8Array())))).toBe('csr_malformed');
  });
});

describe('elliptic-curve keys', () => {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const point = spki.subarray(-65);

  it('are refused on curves other than P-256 and P-384', () => {
    for (const namedCurve of ['P-521', 'secp256k1', 'P-224', 'brainpoolP256r1']) {
      const { privateKey: other } = generateKeyPairSync('ec', { namedCurve });
      expect(refusalOf(() => parseCsr(buildRequest({ privateKey: other })))).toBe('key_unsupported');
      expect(refusalOf(() => publicKeyOf(other))).toBe('key_unsupported');
    }
  });

  it('are refused when the point is not on the curve', () => {
    expect(refusal(ecKey(oids.secp256r1, point))).toBeNull();
    const off = Buffer.from(point);
    off[64] = (off[64] ?? 0) ^ 1;
    expect(refusal(ecKey(oids.secp256r1, off))).toBe('key_weak');
    expect(refusal(ecKey(oids.secp256r1, Buffer.concat([Buffer.of(4), Buffer.alloc(64)])))).toBe('key_weak');
    expect(refusal(ecKey(oids.secp384r1, Buffer.concat([Buffer.of(4), Buffer.alloc(96, 1)])))).toBe(
      'key_weak',
    );
  });

  it('are refused when a coordinate is not less than the field', () => {
    // x = 0 is on the curve, and x = p, which is the same, would give that point a second fingerprint.
    const { p, b } = curves['ec-p256'];
    const y = Buffer.from(
      modularPower(b, (p + 1n) / 4n, p)
        .toString(16)
        .padStart(64, '0'),
      'hex',
    );
    const pointAt = (x: bigint) =>
      Buffer.concat([Buffer.of(4), Buffer.from(x.toString(16).padStart(64, '0'), 'hex'), y]);
    expect(refusal(ecKey(oids.secp256r1, pointAt(0n)))).toBe('csr_signature_invalid');
    expect(refusal(ecKey(oids.secp256r1, pointAt(p)))).toBe('key_weak');
    expect(refusal(ecKey(oids.secp256r1, Buffer.concat([Buffer.of(4), Buffer.alloc(64, 0xff)])))).toBe(
      'key_weak',
    );
  });

  it('are refused when the point is compressed, infinite, of the wrong length, or of another curve', () => {
    const compressed = Buffer.concat([Buffer.of(2 + ((point.at(-1) ?? 0) & 1)), point.subarray(1, 33)]);
    expect(refusal(ecKey(oids.secp256r1, compressed))).toBe('key_unsupported');
    expect(refusal(ecKey(oids.secp256r1, Buffer.of(0)))).toBe('csr_malformed');
    expect(refusal(ecKey(oids.secp256r1, point.subarray(0, 64)))).toBe('csr_malformed');
    expect(refusal(ecKey(oids.secp384r1, point))).toBe('csr_malformed');
  });

  it('are refused when the curve is spelled out instead of named', () => {
    const explicitCurve = sequence(objectIdentifier(oids.ecPublicKey), sequence(integer(1)));
    expect(refusal(sequence(explicitCurve, bitString(point)))).toBe('key_unsupported');
    const withoutCurve = sequence(objectIdentifier(oids.ecPublicKey));
    expect(refusal(sequence(withoutCurve, bitString(point)))).toBe('csr_malformed');
  });
});

describe('Ed25519 keys', () => {
  const p = 2n ** 255n - 19n;
  const d = modulo(-121_665n * modularInverse(121_666n, p), p);
  const ed25519Key = (octets: Uint8Array, ...parameters: readonly Asn1[]) =>
    sequence(sequence(objectIdentifier(oids.ed25519), ...parameters), bitString(octets));
  const octetsOf = (y: bigint, sign = 0) => {
    const octets = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();
    octets[31] = (octets[31] ?? 0) | (sign << 7);
    return octets;
  };

  it('of small order are refused, although OpenSSL finds a signature for them good', () => {
    // A = the neutral element: R = [0]B − [h]A is neutral too, whatever is signed.
    const neutral = octetsOf(1n);
    const signature = Buffer.concat([neutral, Buffer.alloc(32)]);
    const spki = encode(ed25519Key(neutral));
    const algorithm = algorithmOf(oids.ed25519);
    const forged = buildRequest({ privateKey, spki, algorithm, signature });
    expect(refusalOf(() => parseCsr(forged))).toBe('key_weak');
  });

  it('are refused at all eight points whose order divides 8', () => {
    // Doubled, a point of order 8 has y = 0: y² + x² = 0, and with the curve's equation d·y⁴ + 2y² − 1 = 0.
    const roots = squareRoots(1n + d, p);
    const orderEight = roots.flatMap((root) => squareRoots((root - 1n) * modularInverse(d, p), p));
    const ys = [0n, 1n, p - 1n, ...orderEight];
    expect(ys).toHaveLength(5);
    for (const y of ys) {
      for (const sign of [0, 1]) expect(refusal(ed25519Key(octetsOf(y, sign)))).toBe('key_weak');
    }
  });

  it('are refused in another form than the canonical one', () => {
    expect(refusal(ed25519Key(octetsOf(p + 3n)))).toBe('key_weak');
    expect(refusal(ed25519Key(octetsOf(3n)))).toBe(SOUND);
  });

  it('are refused with parameters, or of another length', () => {
    expect(refusal(ed25519Key(octetsOf(3n), nullValue()))).toBe('csr_malformed');
    expect(refusal(ed25519Key(octetsOf(3n).subarray(0, 31)))).toBe('csr_malformed');
  });
});

describe('any key', () => {
  it('is refused with more fields than belong to it, each of which would give it another fingerprint', () => {
    const algorithm = sequence(objectIdentifier(oids.rsaEncryption), nullValue());
    const numbers = [integer(modulusOf(2048)), integer(65_537)];
    const key = bitString(encode(sequence(...numbers)));
    expect(refusal(sequence(algorithm, key))).toBe(SOUND);
    expect(refusal(sequence(algorithm, key, nullValue()))).toBe('csr_malformed');
    const longerKey = bitString(encode(sequence(...numbers, nullValue())));
    expect(refusal(sequence(algorithm, longerKey))).toBe('csr_malformed');
    const curve = [objectIdentifier(oids.ecPublicKey), objectIdentifier(oids.secp256r1)];
    const point = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(-65);
    expect(refusal(sequence(sequence(...curve, nullValue()), bitString(point)))).toBe('csr_malformed');
  });
});

describe('other keys', () => {
  it('are refused: Ed448, X25519, DSA, RSASSA-PSS', () => {
    const others = [
      generateKeyPairSync('ed448').publicKey,
      generateKeyPairSync('x25519').publicKey,
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey,
    ];
    for (const key of others) {
      expect(refusal(key.export({ type: 'spki', format: 'der' }))).toBe('key_unsupported');
      expect(refusalOf(() => publicKeyOf(key))).toBe('key_unsupported');
    }
    const dsa = sequence(sequence(objectIdentifier('1.2.840.10040.4.1')), bitString(encode(integer(5))));
    expect(refusal(dsa)).toBe('key_unsupported');
  });
});
