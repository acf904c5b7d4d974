/**
 * Building a certificate signing request (PKCS #10, RFC 2986) for a key of any kind that devices have. The core
 * parses such requests; only devices build them.
 */
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  type Asn1,
  bitString,
  boolean,
  encode,
  encoded,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
} from '../../core/pki/der.ts';
import { commonNameOnly } from '../../core/pki/name.ts';
import {
  type SignatureAlgorithm,
  signatureAlgorithmIdentifier,
  signatureAlgorithms,
} from '../../core/pki/signature-algorithm.ts';

/** extensionRequest (RFC 2985 §5.4.2) */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/** An extension the requester asks for; a CA is free to ignore it, and Gatehouse does. */
export interface RequestedExtension {
  /** Dotted. */
  readonly oid: string;
  readonly critical: boolean;
  /** DER of the extension's value. */
  readonly value: Uint8Array;
}

export interface CsrOptions {
  /** The device ID asked for; null leaves the subject empty. */
  readonly commonName: string | null;
  /** Not judged here, however weak: whether a key will do is the server's to say. */
  readonly privateKey: KeyObject;
  readonly extensions?: readonly RequestedExtension[];
}

/** @returns DER of a CertificationRequest, signed with the private key whose public key it carries */
export function buildCsr({ commonName, privateKey, extensions = [] }: CsrOptions): Uint8Array {
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const info = sequence(
    integer(0),
    commonName === null ? sequence() : commonNameOnly(commonName),
    encoded(publicKey),
    implicit(0, ...(extensions.length === 0 ? [] : [extensionRequest(extensions)])),
  );
  const algorithm = algorithmFor(privateKey);
  const signature = sign(signatureAlgorithms[algorithm].digest, encode(info), privateKey);
  return encode(sequence(info, signatureAlgorithmIdentifier(algorithm), bitString(signature)));
}

function algorithmFor(key: KeyObject): SignatureAlgorithm {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'ecdsa-sha384' : 'ecdsa-sha256';
    case 'ed25519':
      return 'ed25519';
    case 'rsa':
      return 'rsa-sha256';
    default:
      throw new TypeError(`no signature algorithm for a key of type ${key.asymmetricKeyType}`);
  }
}

function extensionRequest(extensions: readonly RequestedExtension[]): Asn1 {
  const list = extensions.map(({ oid, critical, value }) =>
    // DER leaves a DEFAULT FALSE out (X.690 §11.5).
    sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value)),
  );
  return sequence(objectIdentifier(EXTENSION_REQUEST), setOf(sequence(...list)));
}
