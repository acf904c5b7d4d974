/** Signing as a port, so that a CA key can live in this process today and in a module of its own later. */
import { type KeyObject, sign } from 'node:crypto';
import { GatehouseError } from '../errors.ts';
import type { Fingerprint } from '../ids.ts';
import { type KeyKind, type PublicKey, publicKeyOf } from './public-key.ts';
import { type SignatureAlgorithm, signatureAlgorithms } from './signature-algorithm.ts';

export interface Signer {
  readonly algorithm: SignatureAlgorithm;
  /** SHA-256 over the SubjectPublicKeyInfo of the key that signs, to hold against the issuer's certificate. */
  readonly keyFingerprint: Fingerprint;
  /**
   * The signature over `data` as X.509 carries it: DER for ECDSA, plain octets for RSA and Ed25519. The event loop is
   * not kept, however long `data` is.
   */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/** A key pair of which only the public half need be at hand. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  readonly signer: Signer;
}

/** Octets above which hashing takes longer than handing it to another thread: a large CRL has megabytes. */
export const LONG_DATA = 64 * 1024;

/** The digest as strong as the key (RFC 5480 §4). */
export const algorithmOfKey: Readonly<Record<KeyKind, SignatureAlgorithm>> = {
  'ec-p256': 'ecdsa-sha256',
  'ec-p384': 'ecdsa-sha384',
  ed25519: 'ed25519',
  rsa: 'rsa-sha256',
};

/** @throws GatehouseError `key_unsupported`, `key_weak` */
export function createKeySigner(privateKey: KeyObject): Signer {
  if (privateKey.type !== 'private')
    throw new GatehouseError('key_unsupported', 'Only a private key can sign');
  const { kind, keyFingerprint } = publicKeyOf(privateKey);
  const algorithm = algorithmOfKey[kind];
  const { digest } = signatureAlgorithms[algorithm];
  return {
    algorithm,
    keyFingerprint,
    // Here and now: an EC signature takes less time than handing it to another thread would.
    sign: async (data) =>
      data.length > LONG_DATA ? signElsewhere(digest, data, privateKey) : sign(digest, data, privateKey),
  };
}

/** @throws GatehouseError `key_unsupported`, `key_weak` */
export function signingKeyOf(privateKey: KeyObject): SigningKey {
  return { publicKey: publicKeyOf(privateKey), signer: createKeySigner(privateKey) };
}

/** In a thread of libuv's pool. */
function signElsewhere(digest: string | null, data: Uint8Array, key: KeyObject): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(digest, data, key, (error, signature) => (error === null ? resolve(signature) : reject(error)));
  });
}
