/** ECDSA signatures as X.509 carries them, from what tokens and smart cards give: r and s, one after the other. */
import { type Asn1, encode, sequence, unsignedInteger } from './der.ts';

/**
 * ECDSA-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER } (RFC 3279 §2.2.3).
 * @param raw r and s of equal length, most significant octet first (PKCS #11 v2.40 §2.3.1)
 * @throws RangeError where that cannot be an ECDSA signature
 */
export function ecdsaSignature(raw: Uint8Array): Uint8Array {
  if (raw.length === 0 || raw.length % 2 !== 0) throw new RangeError('r and s differ in length');
  const half = raw.length / 2;
  return encode(sequence(positiveInteger(raw.subarray(0, half)), positiveInteger(raw.subarray(half))));
}

/** Without the zeros it was filled up with: DER has one encoding of a number (X.690 §8.3.2). */
function positiveInteger(octets: Uint8Array): Asn1 {
  const first = octets.findIndex((octet) => octet !== 0);
  // FIPS 186-5 §6.4.2: both are between 1 and n - 1.
  if (first === -1) throw new RangeError('r or s is zero');
  return unsignedInteger(octets.subarray(first));
}
