/**
 * Bearer tokens of devices (`ghe_…`) and operators (`gho_…`): a public id to find the record by, and a secret
 * of 256 bits that is stored only as its SHA-256. The prefix lets secret scanners recognise a leaked one.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export type TokenKind = 'enrollment' | 'operator';

const PREFIX: Readonly<Record<TokenKind, string>> = { enrollment: 'ghe', operator: 'gho' };
const FORM = /^(ghe|gho)_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

export interface NewToken {
  /** The public part. */
  readonly id: string;
  /** The whole token: shown once, never stored. */
  readonly token: string;
  /** What is stored: hex SHA-256 of the secret part. */
  readonly secretHash: string;
}

export interface PresentedToken {
  readonly id: string;
  readonly secret: string;
}

/** @param random source of randomness: given a length, that many bytes */
export function createToken(kind: TokenKind, random: (length: number) => Buffer = randomBytes): NewToken {
  const id = random(6).toString('hex');
  const secret = random(32).toString('base64url');
  return { id, token: `${PREFIX[kind]}_${id}_${secret}`, secretHash: hashSecret(secret).toString('hex') };
}

/** The parts of a presented token, or undefined where it is not of this kind's form. */
export function parseToken(kind: TokenKind, text: string): PresentedToken | undefined {
  const [, prefix, id, secret] = FORM.exec(text) ?? [];
  return prefix === PREFIX[kind] && id !== undefined && secret !== undefined ? { id, secret } : undefined;
}

/**
 * Whether the presented secret is the one whose hash is stored, in constant time. An unknown id is compared
 * too, against nothing that fits, so that the time of the answer does not tell whether the id exists.
 */
export function secretMatches(secret: string, storedHash: string | undefined): boolean {
  const stored = storedHash === undefined ? Buffer.alloc(32) : Buffer.from(storedHash, 'hex');
  const equal = timingSafeEqual(hashSecret(secret), stored);
  return storedHash !== undefined && equal;
}

function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}
