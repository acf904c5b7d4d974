/** One connection to the token, from logging in to the first failure or the end. It does not outlive a failure. */
import { hash, randomBytes, verify } from 'node:crypto';
import { GatehouseError } from '../../../core/errors.ts';
import { curves } from '../../../core/pki/elliptic-point.ts';
import { CKM_EC_KEY_PAIR_GEN, CKM_ECDSA } from './constants.ts';
import { type Cryptoki, CryptokiError, type TokenInfo } from './cryptoki.ts';
import {
  findKeyPair,
  findPrivateKeys,
  generateKeyPair,
  type KeyPairTerms,
  nameKeyPair,
} from './key-objects.ts';
import type { Handle } from './native-module.ts';
import type { Pin } from './pin.ts';
import type { TokenKey } from './request.ts';
import { SessionPool } from './session-pool.ts';

export interface TokenConnectionTerms {
  readonly cryptoki: Cryptoki;
  readonly label: string;
  readonly pin: Pin;
}

export class TokenConnection {
  readonly #cryptoki: Cryptoki;
  readonly #slot: Handle;
  readonly #label: string;
  readonly #sessions: SessionPool;
  /** Keys that have proven to be what they should be, by their ID. */
  readonly #proven = new Map<string, Promise<Handle>>();
  #retired: Promise<void> | undefined;

  private constructor(cryptoki: Cryptoki, { slot, label }: TokenInfo, session: Handle) {
    this.#cryptoki = cryptoki;
    this.#slot = slot;
    this.#label = label;
    this.#sessions = new SessionPool(() => cryptoki.openSession(slot, 'read'), session);
  }

  /** @throws GatehouseError `pkcs11_token_unknown`, `pkcs11_mechanism_missing`, `pkcs11_pin_…` @throws CryptokiError */
  static open({ cryptoki, label, pin }: TokenConnectionTerms): TokenConnection {
    cryptoki.initialize();
    try {
      const token = tokenOf(cryptoki, label);
      if (!cryptoki.mechanisms(token.slot).includes(CKM_ECDSA)) {
        throw new GatehouseError('pkcs11_mechanism_missing', `the token "${label}" does not know CKM_ECDSA`);
      }
      const session = cryptoki.openSession(token.slot, 'read');
      const flags = () => cryptoki.token(token.slot)?.flags ?? token.flags;
      pin.enter(label, flags, (text) => cryptoki.logIn(session, text));
      return new TokenConnection(cryptoki, token, session);
    } catch (error) {
      finalizeQuietly(cryptoki);
      throw error;
    }
  }

  get retired(): boolean {
    return this.#retired !== undefined;
  }

  /** Gives the token back, once nobody signs any more. Does not reject: what is broken is gone anyhow. */
  retire(): Promise<void> {
    this.#retired ??= this.#sessions.retire().then(() => finalizeQuietly(this.#cryptoki));
    return this.#retired;
  }

  /** @returns the SubjectPublicKeyInfo */
  generate(terms: KeyPairTerms): Promise<Uint8Array> {
    if (!this.#cryptoki.mechanisms(this.#slot).includes(CKM_EC_KEY_PAIR_GEN)) {
      throw new GatehouseError(
        'pkcs11_mechanism_missing',
        `the token "${this.#label}" does not know CKM_EC_KEY_PAIR_GEN`,
      );
    }
    return this.#writing((session) => generateKeyPair(this.#cryptoki, session, terms).spki);
  }

  /** Names the key pair that has this ID now, and makes sure that a later start finds it. */
  async name(identifier: Uint8Array, key: TokenKey, label: string): Promise<void> {
    await this.#writing((session) => {
      const objects = findKeyPair(this.#cryptoki, session, identifier);
      nameKeyPair(this.#cryptoki, session, objects, { identifier: key.identifier, label });
    });
    await this.prove(key);
  }

  async destroy(identifier: Uint8Array): Promise<void> {
    await this.#writing((session) => {
      for (const object of findKeyPair(this.#cryptoki, session, identifier))
        this.#cryptoki.destroy(session, object);
    });
  }

  async sign(key: TokenKey, digest: Uint8Array): Promise<Uint8Array> {
    const handle = await this.prove(key);
    return this.#sessions.use((session) => this.#signWith(session, handle, key, digest));
  }

  /**
   * Finds the key and lets it prove that it is the one of the public key, once for this connection.
   * @throws GatehouseError `ca_key_missing`, `issuer_key_mismatch`
   */
  prove(key: TokenKey): Promise<Handle> {
    const name = Buffer.from(key.identifier).toString('hex');
    const known = this.#proven.get(name);
    if (known !== undefined) return known;
    const proof = this.#sessions.use((session) => this.#findProven(session, key, name));
    this.#proven.set(name, proof);
    // It may be put there later.
    proof.catch(() => this.#proven.delete(name));
    return proof;
  }

  async #findProven(session: Handle, key: TokenKey, name: string): Promise<Handle> {
    const found = findPrivateKeys(this.#cryptoki, session, key.identifier);
    for (const handle of found) {
      // Text and no DER: of no use to whoever would like the CA to sign something.
      const challenge = Buffer.concat([Buffer.from('Gatehouse asks: whose key is this? '), randomBytes(32)]);
      const signature = await this.#signWith(session, handle, key, hash('sha256', challenge, 'buffer'));
      const spki = { key: Buffer.from(key.spki), format: 'der', type: 'spki' } as const;
      if (verify('sha256', challenge, { ...spki, dsaEncoding: 'ieee-p1363' }, signature)) return handle;
    }
    const where = `the token "${this.#label}"`;
    if (found.length === 0) throw new GatehouseError('ca_key_missing', `${where} has no key of ID ${name}`);
    throw new GatehouseError('issuer_key_mismatch', `what ${where} has under the ID ${name} is another key`);
  }

  async #signWith(session: Handle, handle: Handle, { kind }: TokenKey, digest: Uint8Array) {
    const signature = await this.#cryptoki.sign(session, handle, digest);
    const length = 2 * curves[kind].fieldBytes;
    if (signature.length === length) return signature;
    const found = `a signature of ${signature.length} bytes`;
    throw new GatehouseError(
      'issuer_key_mismatch',
      `the token "${this.#label}" makes ${found}, not ${length}`,
    );
  }

  async #writing<T>(work: (session: Handle) => T): Promise<T> {
    return this.#sessions.use(() => {
      const session = this.#cryptoki.openSession(this.#slot, 'write');
      try {
        return work(session);
      } finally {
        this.#cryptoki.closeSession(session);
      }
    });
  }
}

/** A module that lost its token may not even end well; the next start of it shows whether it recovered. */
function finalizeQuietly(cryptoki: Cryptoki): void {
  try {
    cryptoki.finalize();
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
  }
}

function tokenOf(cryptoki: Cryptoki, label: string): TokenInfo {
  const tokens = cryptoki.tokens();
  const [token, another] = tokens.filter((one) => one.label === label);
  if (token !== undefined && another === undefined) return token;
  const there = tokens.map((one) => `"${one.label}"`).join(', ') || 'none';
  throw new GatehouseError(
    'pkcs11_token_unknown',
    `${token === undefined ? 'no token has' : 'several tokens have'} the label "${label}"; there are: ${there}`,
  );
}
