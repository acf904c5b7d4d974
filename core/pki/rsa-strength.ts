/**
 * What tells a weak RSA key from its public half alone: its size, its exponent, and the marks that faulty
 * generators are known to leave.
 */
const MIN_BITS = 2048;
const MAX_BITS = 4096;
/** FIPS 186-5 §5.1 (a): 2^16 < e < 2^256, odd. */
const MIN_EXPONENT = 65_537n;
const MAX_EXPONENT = 2n ** 256n;
/** NIST SP 800-89 §5.3.3: no factor below 752. */
const SMALL_PRIMES = primesBelow(752);
const SMALL_PRIMES_PRODUCT = SMALL_PRIMES.reduce((product, prime) => product * prime, 1n);
/** The odd primes whose product is in every modulus of the ROCA generator, even its smallest. */
const ROCA_PRIMES = SMALL_PRIMES.filter((prime) => prime > 2n && prime <= 167n);
const ROCA_GENERATOR = 65_537n;
const rocaResidues = ROCA_PRIMES.map((prime) => ({ prime, residues: powersOf(ROCA_GENERATOR, prime) }));
/** Enough for primes that agree in their upper half; those of a sound generator no number of rounds finds. */
const FERMAT_ROUNDS = 100;

export interface RsaPublicNumbers {
  readonly modulus: bigint;
  readonly exponent: bigint;
}

export type RsaVerdict =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly code: 'key_weak' | 'key_unsupported'; readonly reason: string };

/** Cheap checks first; the whole takes below a millisecond for 4096 bits. */
export function judgeRsaKey({ modulus, exponent }: RsaPublicNumbers): RsaVerdict {
  const bits = bitLength(modulus);
  if (bits < MIN_BITS) return weak(`RSA of ${bits} bits; ${MIN_BITS} to ${MAX_BITS} are accepted`);
  if (bits > MAX_BITS) {
    const reason = `RSA of ${bits} bits; ${MIN_BITS} to ${MAX_BITS} are accepted`;
    return { accepted: false, code: 'key_unsupported', reason };
  }
  if (exponent < MIN_EXPONENT || exponent >= MAX_EXPONENT || exponent % 2n === 0n) {
    return weak('the public exponent is not an odd number from 65537 to 2^256');
  }
  if (hasSmallFactor(modulus)) return weak('the modulus has a small prime factor');
  if (hasRocaFingerprint(modulus)) {
    return weak('the modulus has the fingerprint of the ROCA generator (CVE-2017-15361)');
  }
  if (hasClosePrimes(modulus)) return weak('the prime factors are so close that the modulus can be factored');
  return { accepted: true };
}

export function bitLength(value: bigint): number {
  const hex = value.toString(16);
  return (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex.slice(0, 1), 16)));
}

function weak(reason: string): RsaVerdict {
  return { accepted: false, code: 'key_weak', reason };
}

/** One division by the product, then by each prime what is left, which is small. */
function hasSmallFactor(modulus: bigint): boolean {
  const rest = modulus % SMALL_PRIMES_PRODUCT;
  return SMALL_PRIMES.some((prime) => rest % prime === 0n);
}

/**
 * Primes of the ROCA generator are powers of 65537 modulo many small primes, and so is their product. By chance
 * a sound modulus is so too with a probability of 2^-27 (Nemec et al., "The Return of Coppersmith's Attack").
 */
function hasRocaFingerprint(modulus: bigint): boolean {
  return rocaResidues.every(({ prime, residues }) => residues.has(modulus % prime));
}

/** Fermat: n = a² − b² with a just above √n where the factors a ± b are close (and b = 0 where they are equal). */
function hasClosePrimes(modulus: bigint): boolean {
  const root = squareRoot(modulus);
  let a = root * root === modulus ? root : root + 1n;
  let difference = a * a - modulus;
  for (let round = 0; round < FERMAT_ROUNDS; round += 1) {
    if (isSquare(difference)) return true;
    difference += 2n * a + 1n;
    a += 1n;
  }
  return false;
}

function isSquare(value: bigint): boolean {
  // Squares end in one of four hex digits; asking that first spares three of four square roots.
  const lastDigit = value & 15n;
  if (lastDigit !== 0n && lastDigit !== 1n && lastDigit !== 4n && lastDigit !== 9n) return false;
  const root = squareRoot(value);
  return root * root === value;
}

/** ⌊√value⌋ by Newton's method, from a start that is not below it. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt(Math.ceil(bitLength(value) / 2));
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function primesBelow(limit: number): bigint[] {
  const primes: number[] = [];
  for (let candidate = 2; candidate < limit; candidate += 1) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes.map(BigInt);
}

function powersOf(generator: bigint, prime: bigint): ReadonlySet<bigint> {
  const powers = new Set<bigint>();
  for (let power = 1n; !powers.has(power); power = (power * generator) % prime) powers.add(power);
  return powers;
}
