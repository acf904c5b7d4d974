/**
 * Public keys: which kinds are accepted, and whether one is strong enough to be anybody's identity. A
 * `PublicKey` exists only of keys that passed; each has exactly one encoding and so one fingerprint.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { GatehouseError } from '../errors.ts';
import type { Fingerprint } from '../ids.ts';
import {
  Fields,
  readObjectIdentifier,
  readOctetsOfBitString,
  readUnsignedInteger,
  tags,
} from './der-fields.ts';
import { type DerElement, DerError, decodeDer } from './der-reader.ts';
import { curves, isOnCurve, isSoundEd25519Point } from './elliptic-point.ts';
import { fingerprintOf } from './fingerprint.ts';
import { oids } from './oids.ts';
import { bitLength, judgeRsaKey } from './rsa-strength.ts';

export const keyKinds = ['ec-p256', 'ec-p384', 'ed25519', 'rsa'] as const;
export type KeyKind = (typeof keyKinds)[number];

export interface PublicKey {
  readonly kind: KeyKind;
  /** The size of the field or modulus: 256 for P-256, 255 for Ed25519. */
  readonly bits: number;
  /** DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). */
  readonly spki: Uint8Array;
  /** What the SubjectPublicKeyInfo's BIT STRING holds: key identifiers are made from it. */
  readonly subjectPublicKey: Uint8Array;
  /** SHA-256 over `spki`. */
  readonly keyFingerprint: Fingerprint;
  readonly keyObject: KeyObject;
}

interface KeyParts {
  readonly kind: KeyKind;
  readonly bits: number;
  /** What was judged is what is imported. node:crypto takes this form in half the time that DER takes it. */
  readonly jwk: JsonWebKey;
}

/** An RSA key of 4096 bits takes 550 bytes. Larger ones are let in to be refused for their size. */
const LIMITS = { maxBytes: 4_096, maxDepth: 4 };

/**
 * @param key a public key, or a private one whose public half is meant
 * @throws GatehouseError `key_unsupported`, `key_weak`
 */
export function publicKeyOf(key: KeyObject): PublicKey {
  const publicHalf = key.type === 'private' ? createPublicKey(key) : key;
  const spki = publicHalf.export({ type: 'spki', format: 'der' });
  return readPublicKey(decodeDer(spki, LIMITS));
}

/**
 * Reads a SubjectPublicKeyInfo.
 * @throws GatehouseError `key_unsupported`, `key_weak`
 * @throws DerError
 */
export function readPublicKey(element: DerElement): PublicKey {
  const fields = new Fields(element);
  const algorithm = new Fields(fields.next(tags.sequence));
  const subjectPublicKey = readOctetsOfBitString(fields.next(tags.bitString));
  fields.end();
  const { jwk, ...shape } = readParts(algorithm, subjectPublicKey);
  const spki = Uint8Array.from(element.bytes);
  return {
    ...shape,
    spki,
    subjectPublicKey: Uint8Array.from(subjectPublicKey),
    keyFingerprint: fingerprintOf(spki),
    keyObject: importKey(jwk),
  };
}

function readParts(algorithm: Fields, subjectPublicKey: Uint8Array): KeyParts {
  const oid = readObjectIdentifier(algorithm.next(tags.objectIdentifier));
  switch (oid) {
    case oids.ecPublicKey:
      return readEcParts(algorithm, subjectPublicKey);
    case oids.ed25519:
      return readEd25519Parts(algorithm, subjectPublicKey);
    case oids.rsaEncryption:
      return readRsaParts(algorithm, subjectPublicKey);
    default:
      throw new GatehouseError('key_unsupported', `Keys of the algorithm ${oid} are not accepted`);
  }
}

/** RFC 5480 §2: the curve by name, the point uncompressed (compressed, one key would have two fingerprints). */
function readEcParts(algorithm: Fields, point: Uint8Array): KeyParts {
  const parameters = algorithm.next(tags.objectIdentifier, tags.sequence, tags.null);
  algorithm.end();
  if (parameters.tag !== tags.objectIdentifier) {
    throw new GatehouseError('key_unsupported', 'The curve is not given by its name');
  }
  const curveOid = readObjectIdentifier(parameters);
  const kind = ecKindOf(curveOid);
  if (kind === undefined)
    throw new GatehouseError('key_unsupported', `The curve ${curveOid} is not accepted`);
  const curve = curves[kind];
  const size = curve.fieldBytes;
  if (point[0] === 0x02 || point[0] === 0x03) {
    throw new GatehouseError('key_unsupported', 'The point of the key is compressed; send it uncompressed');
  }
  if (point[0] !== 0x04 || point.length !== 1 + 2 * size) throw new DerError('not an uncompressed point');
  const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)];
  if (!isOnCurve(curve, x, y)) {
    throw new GatehouseError('key_weak', 'The point of the key is not on its curve');
  }
  // RFC 7518 §6.2.1
  const jwk = { kty: 'EC', crv: curve.jwkName, x: base64url(x), y: base64url(y) };
  return { kind, bits: size * 8, jwk };
}

function ecKindOf(curveOid: string): keyof typeof curves | undefined {
  if (curveOid === oids.secp256r1) return 'ec-p256';
  if (curveOid === oids.secp384r1) return 'ec-p384';
  return undefined;
}

/** RFC 8410 §3, §4: no parameters, 32 octets. */
function readEd25519Parts(algorithm: Fields, point: Uint8Array): KeyParts {
  algorithm.end();
  if (point.length !== 32) throw new DerError('an Ed25519 key of other than 32 octets');
  if (!isSoundEd25519Point(point)) {
    throw new GatehouseError(
      'key_weak',
      'The point of the key is of small order, or not in its canonical form',
    );
  }
  // RFC 8037 §2
  return { kind: 'ed25519', bits: 255, jwk: { kty: 'OKP', crv: 'Ed25519', x: base64url(point) } };
}

/** RFC 3279 §2.3.1: NULL parameters, and a SEQUENCE of modulus and exponent. */
function readRsaParts(algorithm: Fields, encodedKey: Uint8Array): KeyParts {
  const parameters = algorithm.next(tags.null);
  algorithm.end();
  if (parameters.content.length > 0) throw new DerError('a NULL that is not empty');
  const fields = new Fields(decodeDer(encodedKey, LIMITS));
  const modulus = readUnsignedInteger(fields.next(tags.integer));
  const exponent = readUnsignedInteger(fields.next(tags.integer));
  fields.end();
  const verdict = judgeRsaKey({ modulus, exponent });
  if (!verdict.accepted) throw new GatehouseError(verdict.code, verdict.reason);
  // RFC 7518 §6.3.1
  const jwk = { kty: 'RSA', n: base64urlUInt(modulus), e: base64urlUInt(exponent) };
  return { kind: 'rsa', bits: bitLength(modulus), jwk };
}

function base64url(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('base64url');
}

/** RFC 7518 §2: as few octets as hold it. */
function base64urlUInt(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
}

function importKey(jwk: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch (error) {
    throw new GatehouseError('key_unsupported', 'OpenSSL does not read the key', { cause: error });
  }
}
