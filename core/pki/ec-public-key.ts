/** An EC public key from its point alone, as a token gives it: the SubjectPublicKeyInfo is put around it here. */
import { bitString, encode, objectIdentifier, sequence } from './der.ts';
import { decodeDer, refuseMalformed } from './der-reader.ts';
import type { curves } from './elliptic-point.ts';
import { oids } from './oids.ts';
import { type PublicKey, readPublicKey } from './public-key.ts';

export type EcKeyKind = keyof typeof curves;

const curveOids: Readonly<Record<EcKeyKind, string>> = {
  'ec-p256': oids.secp256r1,
  'ec-p384': oids.secp384r1,
};
const LIMITS = { maxBytes: 256, maxDepth: 4 };

/** The curve as ECParameters name it (RFC 5480 §2.1.1), in DER. */
export function namedCurve(kind: EcKeyKind): Uint8Array {
  return encode(objectIdentifier(curveOids[kind]));
}

/**
 * RFC 5480 §2
 * @param point uncompressed: 0x04, x, y
 * @throws GatehouseError `key_unsupported`, `key_weak`
 */
export function publicKeyOfPoint(kind: EcKeyKind, point: Uint8Array): PublicKey {
  const algorithm = sequence(objectIdentifier(oids.ecPublicKey), objectIdentifier(curveOids[kind]));
  const spki = encode(sequence(algorithm, bitString(point)));
  return refuseMalformed('key_unsupported', () => readPublicKey(decodeDer(spki, LIMITS)));
}
