/** What EST tells clients to put into a request (CSR Attributes, RFC 7030 §4.5.2 as clarified by RFC 9908 §3). */
import { type Asn1, encode, objectIdentifier, sequence, setOf } from './der.ts';
import { oids } from './oids.ts';
import type { KeyKind } from './public-key.ts';

/** A kind with a curve is an Attribute with the curve as its value, one without parameters an OID alone. */
const keyAttributes: Readonly<Record<KeyKind, () => Asn1>> = {
  'ec-p256': () => ellipticCurve(oids.secp256r1),
  'ec-p384': () => ellipticCurve(oids.secp384r1),
  ed25519: () => objectIdentifier(oids.ed25519),
  rsa: () => objectIdentifier(oids.rsaEncryption),
};

/**
 * DER of the CsrAttrs that ask for a kind of key. Null where there is a choice: everything in CsrAttrs is asked
 * for at once, so alternatives cannot be said, and a client that tried to obey them all would fail.
 * @param kinds those that are accepted
 */
export function csrAttributesFor(kinds: readonly KeyKind[]): Uint8Array | null {
  const [only, another] = new Set(kinds);
  if (only === undefined || another !== undefined) return null;
  return encode(sequence(keyAttributes[only]()));
}

function ellipticCurve(curve: string): Asn1 {
  return sequence(objectIdentifier(oids.ecPublicKey), setOf(objectIdentifier(curve)));
}
