/** Certificate signing requests for tests, every part of which can be made wrong. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  type Asn1,
  bitString,
  encode,
  encoded,
  implicit,
  integer,
  nullValue,
  objectIdentifier,
  sequence,
  setOf,
  utf8String,
} from '../../core/pki/der.ts';
import { oids } from '../../core/pki/oids.ts';

export interface RequestParts {
  /** Signs, and where no `spki` is given is the key asked for. */
  readonly privateKey: KeyObject;
  readonly subject?: Asn1;
  readonly spki?: Uint8Array | Asn1;
  readonly version?: number;
  /** Null leaves the field out. */
  readonly attributes?: Asn1 | null;
  /** The AlgorithmIdentifier that the request claims. */
  readonly algorithm?: Asn1;
  readonly digest?: string | null;
  readonly signature?: Uint8Array;
  /** Fields that do not belong there: at the end of what is signed, and of the whole. */
  readonly surplusInside?: readonly Asn1[];
  readonly surplusOutside?: readonly Asn1[];
}

export function buildRequest(parts: RequestParts): Uint8Array {
  const { privateKey, subject = nameOf('press-7'), version = 0, attributes = implicit(0) } = parts;
  const { spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }) } = parts;
  const { algorithm = usualAlgorithm(privateKey), digest = usualDigest(privateKey) } = parts;
  const info = sequence(
    integer(version),
    subject,
    spki instanceof Uint8Array ? encoded(spki) : spki,
    ...(attributes === null ? [] : [attributes]),
    ...(parts.surplusInside ?? []),
  );
  const { signature = sign(digest, encode(info), privateKey) } = parts;
  return encode(sequence(info, algorithm, bitString(signature), ...(parts.surplusOutside ?? [])));
}

/** A name of these CNs, each in an RDN of its own. */
export function nameOf(...commonNames: readonly (string | Asn1)[]): Asn1 {
  return sequence(...commonNames.map((name) => setOf(commonNameAttribute(name))));
}

export function commonNameAttribute(name: string | Asn1): Asn1 {
  const value = typeof name === 'string' ? utf8String(name) : name;
  return sequence(objectIdentifier(oids.commonName), value);
}

export function algorithmOf(oid: string, ...parameters: readonly Asn1[]): Asn1 {
  return sequence(objectIdentifier(oid), ...parameters);
}

function usualAlgorithm(key: KeyObject): Asn1 {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return algorithmOf(oids.sha256WithRsaEncryption, nullValue());
    case 'ed25519':
      return algorithmOf(oids.ed25519);
    default:
      return algorithmOf(oids.ecdsaWithSha256);
  }
}

function usualDigest(key: KeyObject): string | null {
  return key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
}
