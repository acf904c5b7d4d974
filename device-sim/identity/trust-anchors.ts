/**
 * The CA certificates that a device trusts. They begin with those it was given, and follow what Gatehouse answers
 * over connections that they have verified: during a root rollover both roots, afterwards the new one.
 */
import { X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { type Credentials, makeSecureContext, type TlsIdentity } from '../contract/tls-identity.ts';
import type { IdentityStorage } from './identity-storage.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** Far more than any rollover has. */
const MAX_ANCHORS = 16;
/** A fleet shares its anchors, and does not ask for them once a device. */
const CURRENT_MS = 10_000;

export class TrustAnchors {
  readonly #storage: IdentityStorage;
  #pem: string;
  #isStored: boolean;
  /** Of the anchors as they are now. */
  #contexts = new WeakMap<Credentials, SecureContext>();
  #followedAt = Number.NEGATIVE_INFINITY;

  private constructor(storage: IdentityStorage, pem: string, isStored: boolean) {
    this.#storage = storage;
    this.#pem = pem;
    this.#isStored = isStored;
  }

  /**
   * What the storage holds wins: a seed that is out of date must not bring a root back that was retired.
   * @param seed gives PEM; asked only where nothing is stored
   */
  static async open(storage: IdentityStorage, seed: () => string): Promise<TrustAnchors> {
    const stored = await storage.read('trust.pem');
    return new TrustAnchors(storage, stored ?? seed(), stored !== undefined);
  }

  /** PEM. */
  get pem(): string {
    return this.#pem;
  }

  /** What a connection as this device takes. Its certificate serves twice: to connect to the broker, and to renew. */
  tlsIdentityOf(credentials: Credentials): TlsIdentity {
    const ca = this.#pem;
    const secureContext = this.#contexts.get(credentials) ?? makeSecureContext({ ca, credentials });
    this.#contexts.set(credentials, secureContext);
    return { ca, credentials, secureContext };
  }

  /** Whether they were asked for just now. @param now in ms, by any clock that does not go back */
  isCurrent(now: number): boolean {
    return now - this.#followedAt < CURRENT_MS;
  }

  /** @param answer of `GET /v1/ca`; one that is not CA certificates and nothing else is not taken */
  async follow(answer: string, now: number): Promise<void> {
    const pem = anchorsIn(answer);
    if (pem === undefined) return;
    this.#followedAt = now;
    if (pem === this.#pem && this.#isStored) return;
    await this.#storage.write('trust.pem', pem);
    this.#isStored = true;
    if (pem === this.#pem) return;
    this.#pem = pem;
    this.#contexts = new WeakMap();
  }
}

/** Without what stands between them. */
function anchorsIn(text: string): string | undefined {
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0 || blocks.length > MAX_ANCHORS || !blocks.every(isCa)) return undefined;
  return blocks.map((block) => `${block}\n`).join('');
}

function isCa(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}
