/** The certificate itself (RFC 5280 §4.1): its fields put together, signed, and handed out with what it is known by. */
import type { Fingerprint, SerialNumber } from '../ids.ts';
import { type Asn1, bitString, encode, encoded, explicit, integer, sequence, time } from './der.ts';
import { fingerprintOf } from './fingerprint.ts';
import { encodePem } from './pem.ts';
import type { PublicKey } from './public-key.ts';
import { randomSerialNumber, serialNumberInteger } from './serial-number.ts';
import { signatureAlgorithmIdentifier } from './signature-algorithm.ts';
import type { Signer } from './signer.ts';

export interface IssuedCertificate {
  readonly der: Uint8Array;
  readonly pem: string;
  readonly serialNumber: SerialNumber;
  readonly fingerprint: Fingerprint;
  readonly keyFingerprint: Fingerprint;
  /** Milliseconds since the epoch, on a whole second as in the certificate. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface CertificateContent {
  readonly issuerName: Asn1;
  readonly subject: Asn1;
  readonly publicKey: PublicKey;
  /** Milliseconds since the epoch; fractions of a second are cut off. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: readonly Asn1[];
  /** A random one where absent. */
  readonly serialNumber?: SerialNumber;
}

const VERSION_3 = 2;

export async function signCertificate(
  content: CertificateContent,
  signer: Signer,
): Promise<IssuedCertificate> {
  const { issuerName, subject, publicKey, extensions, serialNumber = randomSerialNumber() } = content;
  const [notBefore, notAfter] = [wholeSecond(content.notBefore), wholeSecond(content.notAfter)];
  const toBeSigned = encode(
    sequence(
      explicit(0, integer(VERSION_3)),
      serialNumberInteger(serialNumber),
      signatureAlgorithmIdentifier(signer.algorithm),
      issuerName,
      sequence(time(notBefore), time(notAfter)),
      subject,
      encoded(publicKey.spki),
      explicit(3, sequence(...extensions)),
    ),
  );
  const der = await signed(toBeSigned, signer);
  return {
    der,
    pem: encodePem('CERTIFICATE', der),
    serialNumber,
    fingerprint: fingerprintOf(der),
    keyFingerprint: publicKey.keyFingerprint,
    notBefore,
    notAfter,
  };
}

/**
 * SEQUENCE { what is signed, signatureAlgorithm, signature, … }: the outer form of certificates (§4.1.1), CRLs
 * (§5.1.1) and OCSP's basic responses (RFC 6960 §4.2.1), the last of which puts certificates after it.
 */
export async function signed(
  toBeSigned: Uint8Array,
  signer: Signer,
  ...after: readonly Asn1[]
): Promise<Uint8Array> {
  const signature = await signer.sign(toBeSigned);
  return encode(
    sequence(
      encoded(toBeSigned),
      signatureAlgorithmIdentifier(signer.algorithm),
      bitString(signature),
      ...after,
    ),
  );
}

function wholeSecond(time: number): number {
  return Math.floor(time / 1_000) * 1_000;
}
