/** Enough number theory to make keys that no sound generator makes. */
import { createPrivateKey, type KeyObject } from 'node:crypto';

/** Those that no RSA modulus may be divisible by. */
export const smallPrimes: readonly bigint[] = primesBelow(752);

/** The non-negative remainder. */
export function modulo(value: bigint, modulus: bigint): bigint {
  return ((value % modulus) + modulus) % modulus;
}

export function modularPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, factor] = [1n, modulo(base, modulus)];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * factor) % modulus;
    factor = (factor * factor) % modulus;
  }
  return result;
}

/** By the extended Euclidean algorithm; `value` and `modulus` have no common factor. */
export function modularInverse(value: bigint, modulus: bigint): bigint {
  let [previous, current, before, now] = [modulus, modulo(value, modulus), 0n, 1n];
  while (current > 0n) {
    const quotient = previous / current;
    [previous, current] = [current, previous - quotient * current];
    [before, now] = [now, before - quotient * now];
  }
  return modulo(before, modulus);
}

/** Both square roots modulo a prime p ≡ 5 (mod 8), or none (RFC 8032 §5.1.3). */
export function squareRoots(square: bigint, p: bigint): bigint[] {
  const candidate = modularPower(square, (p + 3n) / 8n, p);
  const other = modulo(candidate * modularPower(2n, (p - 1n) / 4n, p), p);
  const root = [candidate, other].find((value) => modulo(value * value - square, p) === 0n);
  return root === undefined ? [] : [root, p - root];
}

/** The first number from `start` on that is prime as far as Fermat's test to base 2 tells. */
export function nextPrime(start: bigint): bigint {
  for (let candidate = start | 1n; ; candidate += 2n) {
    const composite = smallPrimes.some((prime) => candidate % prime === 0n);
    if (!composite && modularPower(2n, candidate - 1n, candidate) === 1n) return candidate;
  }
}

export function rsaPrivateKey(p: bigint, q: bigint): KeyObject {
  const e = 65_537n;
  const d = modularInverse(e, (p - 1n) * (q - 1n));
  const qi = modularInverse(q, p);
  const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi };
  const fields = Object.entries(numbers).map(([name, value]) => [name, base64UrlOf(value)]);
  return createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(fields) }, format: 'jwk' });
}

function base64UrlOf(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
}

function primesBelow(limit: number): bigint[] {
  const primes: bigint[] = [];
  for (let candidate = 2n; candidate < limit; candidate += 1n) {
    if (primes.every((prime) => candidate % prime !== 0n)) primes.push(candidate);
  }
  return primes;
}
