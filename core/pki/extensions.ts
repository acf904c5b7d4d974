/** The extensions of certificates and CRLs, written (RFC 5280 §4.2 and §5.2). */
import {
  type Asn1,
  bitString,
  boolean,
  explicit,
  implicit,
  implicitPrimitive,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
} from './der.ts';
import { uri } from './general-name.ts';
import { oids } from './oids.ts';
import type { StatusUrls } from './status-urls.ts';

/** The bits of KeyUsage that are used here (RFC 5280 §4.2.1.3). */
const keyUsageBits = { digitalSignature: 0, keyCertSign: 5, cRLSign: 6 } as const;

/** Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue } (RFC 5280 §4.1) */
export function extension(oid: string, value: Asn1 | Uint8Array): Asn1 {
  return sequence(objectIdentifier(oid), octetString(value));
}

export function criticalExtension(oid: string, value: Asn1): Asn1 {
  return sequence(objectIdentifier(oid), boolean(true), octetString(value));
}

/** §4.2.1.9. @param pathLength how many CA certificates may follow on the way to a leaf; absent for any number */
export function basicConstraintsOfCa(pathLength?: number): Asn1 {
  const limit = pathLength === undefined ? [] : [integer(pathLength)];
  return criticalExtension(oids.basicConstraints, sequence(boolean(true), ...limit));
}

/** §4.2.1.3. DER drops the zeros at the end of a named bit list (X.690 §11.2.2). */
export function keyUsage(...usages: readonly (keyof typeof keyUsageBits)[]): Asn1 {
  const positions: number[] = usages.map((usage) => keyUsageBits[usage]);
  const octet = positions.reduce((bits, position) => bits | (0x80 >> position), 0);
  return criticalExtension(oids.keyUsage, bitString(Uint8Array.of(octet), 7 - Math.max(...positions)));
}

/** §4.2.1.12 */
export function extendedKeyUsage(
  ...purposes: readonly ('clientAuth' | 'serverAuth' | 'ocspSigning')[]
): Asn1 {
  return extension(
    oids.extendedKeyUsage,
    sequence(...purposes.map((purpose) => objectIdentifier(oids[purpose]))),
  );
}

/** §4.2.1.2 */
export function subjectKeyIdentifier(identifier: Uint8Array): Asn1 {
  return extension(oids.subjectKeyIdentifier, octetString(identifier));
}

/** §4.2.1.1 and §5.2.1: keyIdentifier [0]. @param identifier the issuer's subject key identifier */
export function authorityKeyIdentifier(identifier: Uint8Array): Asn1 {
  return extension(oids.authorityKeyIdentifier, sequence(implicitPrimitive(0, identifier)));
}

/** §4.2.1.6. @param generalNames see general-name.ts */
export function subjectAlternativeNames(generalNames: readonly Asn1[]): Asn1 {
  return extension(oids.subjectAltName, sequence(...generalNames));
}

/**
 * CDP (§4.2.1.13) and AIA (§4.2.2.1): where relying parties ask for the status.
 * @param byOcsp whether by OCSP too
 */
export function statusPointers({ crl, ocsp, caIssuers }: StatusUrls, byOcsp: boolean): Asn1[] {
  const access = (method: string, url: string) => sequence(objectIdentifier(method), uri(url));
  return [
    extension(oids.crlDistributionPoints, sequence(sequence(distributionPointName(crl)))),
    extension(
      oids.authorityInfoAccess,
      sequence(...(byOcsp ? [access(oids.accessOcsp, ocsp)] : []), access(oids.accessCaIssuers, caIssuers)),
    ),
  ];
}

/** §5.2.3 */
export function crlNumber(number: bigint): Asn1 {
  return extension(oids.crlNumber, integer(number));
}

/** §5.2.4. @param baseNumber of the full CRL that the delta adds to */
export function deltaCrlIndicator(baseNumber: bigint): Asn1 {
  return criticalExtension(oids.deltaCrlIndicator, integer(baseNumber));
}

/** §5.2.5: this CRL is complete for certificates that name any of these addresses. */
export function issuingDistributionPoint(...urls: readonly string[]): Asn1 {
  return criticalExtension(oids.issuingDistributionPoint, sequence(distributionPointName(...urls)));
}

/** §5.2.6: where the delta is. */
export function freshestCrl(url: string): Asn1 {
  return extension(oids.freshestCrl, sequence(sequence(distributionPointName(url))));
}

/** RFC 6960 §4.2.2.2.1: nobody need ask for the status of the responder's own certificate. */
export function ocspNoCheck(): Asn1 {
  return extension(oids.ocspNoCheck, nullValue());
}

/** distributionPoint [0] { fullName [0] { uniformResourceIdentifier, … } }: each a name of the same place */
function distributionPointName(...urls: readonly string[]): Asn1 {
  return explicit(0, implicit(0, ...urls.map(uri)));
}
