/**
 * Whether the point in a public key is one that a key pair can have. OpenSSL looks too; but an invalid point
 * is the oldest way to break elliptic curves, and Ed25519's small subgroups it does let pass.
 */

/** y² = x³ − 3x + b over the field of p (FIPS 186-5 via SP 800-186 §3.2.1). */
interface Curve {
  /** RFC 7518 §6.2.1.1 */
  readonly jwkName: string;
  readonly fieldBytes: number;
  readonly p: bigint;
  readonly b: bigint;
}

export const curves = {
  'ec-p256': {
    jwkName: 'P-256',
    fieldBytes: 32,
    p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  'ec-p384': {
    jwkName: 'P-384',
    fieldBytes: 48,
    p: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffffn,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
} as const satisfies Record<string, Curve>;

/** @param x @param y octets of the field's length, most significant first */
export function isOnCurve({ p, b }: Curve, x: Uint8Array, y: Uint8Array): boolean {
  const [xValue, yValue] = [toBigInt(x), toBigInt(y)];
  if (xValue >= p || yValue >= p) return false;
  return (yValue * yValue - (xValue * xValue - 3n) * xValue - b) % p === 0n;
}

const ED25519_P = 2n ** 255n - 19n;
const ED25519_SIGN_BIT = 2n ** 255n;
/** y of the eight points whose order divides 8 (RFC 7748 §7 tells of the same for X25519); x has either sign. */
const ED25519_SMALL_ORDER = new Set([
  0n,
  1n,
  ED25519_P - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]);

/**
 * Whether 32 octets name a point of Ed25519 in its one canonical form (RFC 8032 §5.1.3) and not one of the
 * eight of small order, for which anybody can make signatures that verify.
 */
export function isSoundEd25519Point(octets: Uint8Array): boolean {
  const y = toBigInt(Uint8Array.from(octets).reverse()) % ED25519_SIGN_BIT;
  return octets.length === 32 && y < ED25519_P && !ED25519_SMALL_ORDER.has(y);
}

function toBigInt(octets: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('hex')}`);
}
