/** The signature algorithms that Gatehouse makes and accepts: their identifiers, digests and keys. */
import { type KeyObject, verify } from 'node:crypto';
import { type Asn1, nullValue, objectIdentifier, sequence } from './der.ts';
import { Fields, readObjectIdentifier, tags } from './der-fields.ts';
import type { DerElement } from './der-reader.ts';
import { oids } from './oids.ts';
import type { KeyKind } from './public-key.ts';

interface SignatureAlgorithmEntry {
  readonly oid: string;
  /** As node:crypto names it; Ed25519 brings its own. */
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null;
  readonly keys: readonly KeyKind[];
  /** RSA has NULL there (RFC 4055 §5), ECDSA and Ed25519 have nothing (RFC 5758 §3.2, RFC 8410 §3). */
  readonly parameters: 'null' | 'absent';
}

const EC: readonly KeyKind[] = ['ec-p256', 'ec-p384'];

export const signatureAlgorithms = {
  'ecdsa-sha256': { oid: oids.ecdsaWithSha256, digest: 'sha256', keys: EC, parameters: 'absent' },
  'ecdsa-sha384': { oid: oids.ecdsaWithSha384, digest: 'sha384', keys: EC, parameters: 'absent' },
  'ecdsa-sha512': { oid: oids.ecdsaWithSha512, digest: 'sha512', keys: EC, parameters: 'absent' },
  'rsa-sha256': { oid: oids.sha256WithRsaEncryption, digest: 'sha256', keys: ['rsa'], parameters: 'null' },
  'rsa-sha384': { oid: oids.sha384WithRsaEncryption, digest: 'sha384', keys: ['rsa'], parameters: 'null' },
  'rsa-sha512': { oid: oids.sha512WithRsaEncryption, digest: 'sha512', keys: ['rsa'], parameters: 'null' },
  ed25519: { oid: oids.ed25519, digest: null, keys: ['ed25519'], parameters: 'absent' },
} as const satisfies Record<string, SignatureAlgorithmEntry>;

export type SignatureAlgorithm = keyof typeof signatureAlgorithms;

const names = Object.keys(signatureAlgorithms) as SignatureAlgorithm[];

/** The AlgorithmIdentifier of RFC 5280 §4.1.1.2. */
export function signatureAlgorithmIdentifier(algorithm: SignatureAlgorithm): Asn1 {
  const { oid, parameters } = signatureAlgorithms[algorithm];
  return parameters === 'null'
    ? sequence(objectIdentifier(oid), nullValue())
    : sequence(objectIdentifier(oid));
}

/**
 * Undefined where the algorithm, or its parameters, are not among those above. SHA-1 and MD5 are not.
 * RFC 4055 §5 would have RSA's NULL accepted where it is missing too.
 */
export function readSignatureAlgorithm(element: DerElement): SignatureAlgorithm | undefined {
  const fields = new Fields(element);
  const oid = readObjectIdentifier(fields.next(tags.objectIdentifier));
  const [, parameters, surplus] = element.children;
  const algorithm = names.find((name) => signatureAlgorithms[name].oid === oid);
  if (algorithm === undefined || surplus !== undefined) return undefined;
  const isNull = parameters?.tag === tags.null && parameters.content.length === 0;
  const fits = parameters === undefined || (isNull && signatureAlgorithms[algorithm].parameters === 'null');
  return fits ? algorithm : undefined;
}

/** Whether keys of this kind can make signatures of this algorithm. */
export function suitsKey(algorithm: SignatureAlgorithm, kind: KeyKind): boolean {
  return signatureAlgorithms[algorithm].keys.some((key) => key === kind);
}

export function verifySignature(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  return verify(signatureAlgorithms[algorithm].digest, signed, key, signature);
}
