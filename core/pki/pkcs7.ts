/** Certificates as PKCS #7 carries them where nothing is signed: what EST answers with (RFC 7030 §4.1.3, §4.2.3). */
import { emptySet, encode, encoded, explicit, implicit, integer, objectIdentifier, sequence } from './der.ts';
import { oids } from './oids.ts';

/**
 * A "certs-only" message (RFC 8551 §3.8): a SignedData (RFC 5652 §5.1) without content and without signers.
 * @param certificates DER, at least one
 * @returns DER of the ContentInfo
 */
export function certsOnly(certificates: readonly Uint8Array[]): Uint8Array {
  // DER has the elements of a SET OF in the order of their encodings (X.690 §11.6).
  const sorted = certificates.toSorted((one, other) => Buffer.compare(one, other));
  const signedData = sequence(
    integer(1),
    emptySet(),
    sequence(objectIdentifier(oids.data)),
    implicit(0, ...sorted.map(encoded)),
    emptySet(),
  );
  return encode(sequence(objectIdentifier(oids.signedData), explicit(0, signedData)));
}
