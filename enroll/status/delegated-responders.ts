/**
 * Who signs OCSP answers: for each issuing CA a responder that it delegated (RFC 6960 §4.2.2.2), whose key lives in this
 * process alone and whose certificate is short-lived. It is replaced when half of its life is over, whether anybody asks
 * or not; while that fails (the token with the CA key may be away), the one before goes on for as long as it is valid.
 */
import { generateKeyPairSync } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { Fingerprint } from '../../core/ids.ts';
import { type Issuer, issueOcspResponderCertificate } from '../../core/pki/issue.ts';
import { type OcspResponder, ocspResponder } from '../../core/pki/ocsp.ts';
import { signingKeyOf } from '../../core/pki/signer.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { Logger } from '../../runtime/log.ts';
import { ownNames } from '../own-certificates.ts';
import { recordServerCertificate } from '../server-certificates.ts';
import type { IssuingAuthority } from '../signer/issuing-authority.ts';

const VALIDITY_MS = 7 * 86_400_000;
const CHECK_MS = 600_000;
/** After a failure, so that not every request asks a token that is away. */
const RETRY_MS = 10_000;

export interface DelegatedRespondersContext {
  readonly registry: Registry;
  readonly issuing: Pick<IssuingAuthority, 'all'>;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Delegation {
  current: OcspResponder | null;
  renewal: Promise<void> | null;
  failedAt: number | null;
}

export class DelegatedResponders {
  readonly #context: DelegatedRespondersContext;
  readonly #delegations = new Map<Fingerprint, Delegation>();
  readonly #timer: NodeJS.Timeout;

  constructor(context: DelegatedRespondersContext) {
    this.#context = context;
    this.#timer = setInterval(() => void this.renew(), CHECK_MS).unref();
  }

  /** Null where there is none now and none could be made; the log says why. */
  async of(issuer: Issuer): Promise<OcspResponder | null> {
    const now = this.#context.clock.now();
    const delegation = this.#delegationOf(issuer);
    if (isDue(delegation, now)) {
      delegation.renewal ??= this.#renew(issuer, delegation).finally(() => {
        delegation.renewal = null;
      });
    }
    // Whoever has one that is valid does not wait for the next.
    if (!isValid(delegation, now)) await delegation.renewal;
    return isValid(delegation, now) ? delegation.current : null;
  }

  /** Those of all CAs that answer for their certificates, where they are due. */
  async renew(): Promise<void> {
    const issuers = this.#context.issuing.all();
    for (const known of this.#delegations.keys()) {
      if (!issuers.some(({ certificate }) => certificate.fingerprint === known))
        this.#delegations.delete(known);
    }
    for (const issuer of issuers) await this.of(issuer);
    await this.#settle();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#settle();
  }

  #delegationOf({ certificate: { fingerprint } }: Issuer): Delegation {
    const known = this.#delegations.get(fingerprint);
    if (known !== undefined) return known;
    const delegation: Delegation = { current: null, renewal: null, failedAt: null };
    this.#delegations.set(fingerprint, delegation);
    return delegation;
  }

  async #renew(issuer: Issuer, delegation: Delegation): Promise<void> {
    const { clock, log } = this.#context;
    try {
      delegation.current = await this.#delegate(issuer);
      delegation.failedAt = null;
    } catch (error) {
      delegation.failedAt = clock.now();
      const { subject } = issuer.certificate;
      const until = delegation.current && new Date(delegation.current.notAfter).toISOString();
      log.error({ err: error, issuer: subject, until }, 'the OCSP responder could not be renewed');
    }
  }

  async #delegate(issuer: Issuer): Promise<OcspResponder> {
    const { registry, clock } = this.#context;
    const { publicKey, signer } = signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const certificate = await issueOcspResponderCertificate({
      issuer,
      commonName: ownNames.ocsp,
      publicKey,
      validity: VALIDITY_MS,
      now: clock.now(),
    });
    await recordServerCertificate({ registry, issuer, clock }, 'ocsp', certificate);
    return ocspResponder(certificate, publicKey, signer);
  }

  async #settle(): Promise<void> {
    for (const { renewal } of this.#delegations.values()) await renewal;
  }
}

/** A clock that was put back makes a certificate invalid, too. */
function isValid({ current }: Delegation, now: number): boolean {
  return current !== null && current.notBefore <= now && now < current.notAfter;
}

function isDue(delegation: Delegation, now: number): boolean {
  const { current, failedAt } = delegation;
  if (failedAt !== null && Math.abs(now - failedAt) < RETRY_MS) return false;
  return current === null || !isValid(delegation, now) || now >= (current.notBefore + current.notAfter) / 2;
}
