/**
 * The lists that an issuer publishes, and what they are called. The full list has everything. Beside it there are a
 * delta, and shards: each has the certificates whose serial numbers, which are random, end in the same hex digits.
 */
import { type Fingerprint, parseFingerprint, type SerialNumber } from '../ids.ts';

/** Into how many lists of its own an issuer's certificates may be split: one for each value of 0, 1 or 2 hex digits. */
export const CRL_SHARDS = [1, 16, 256] as const;
export type CrlShards = (typeof CRL_SHARDS)[number];

/** Hex digits in lower case, one of 16 or two of 256. */
export type CrlShard = string;
/** One of an issuer's lists. */
export type CrlPart = 'full' | 'delta' | `shard-${CrlShard}`;

export interface CrlName {
  readonly issuer: Fingerprint;
  readonly part: CrlPart;
}

const FILE_NAME = /^([0-9a-f]{64})(?:-(delta|[0-9a-f]{1,2}))?$/;

/** The list that a certificate names in its CDP. */
export function crlPartOf(serialNumber: SerialNumber, shards: CrlShards): CrlPart {
  return shards === 1 ? 'full' : `shard-${serialNumber.slice(-digitsOf(shards)).toLowerCase()}`;
}

/** In the order of their digits; none where the full list is the only one. */
export function shardsOf(shards: CrlShards): readonly CrlShard[] {
  if (shards === 1) return [];
  return Array.from({ length: shards }, (_, index) => index.toString(16).padStart(digitsOf(shards), '0'));
}

/** `FINGERPRINT`, `FINGERPRINT-delta`, `FINGERPRINT-a3`: as in addresses, without what follows the dot. */
export function crlFileName({ issuer, part }: CrlName): string {
  return part === 'full' ? issuer : `${issuer}-${part.replace('shard-', '')}`;
}

/** Undefined for what is no list's name. */
export function parseCrlFileName(text: string): CrlName | undefined {
  const [, issuer, suffix] = FILE_NAME.exec(text) ?? [];
  if (issuer === undefined) return undefined;
  const part = suffix === undefined ? 'full' : suffix === 'delta' ? 'delta' : (`shard-${suffix}` as const);
  return { issuer: parseFingerprint(issuer), part };
}

/** Made in one place: CDP and IDP must be equal byte for byte. @param statusUrl with or without a slash at its end */
export function crlUrl(statusUrl: string, name: CrlName): string {
  return `${statusUrl.replace(/\/+$/, '')}/crl/${crlFileName(name)}.crl`;
}

function digitsOf(shards: CrlShards): number {
  return shards === 256 ? 2 : 1;
}
