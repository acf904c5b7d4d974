/**
 * When a device renews its certificate, and when it tries again: from `renewAfter` on, after waits that grow, for as
 * long as there is any use in it. What the device does meanwhile is not its affair.
 */
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import type { Clock } from '../../core/clock.ts';
import { asFailure, type Failure } from '../contract/failure.ts';
import type { Identity } from '../identity/identity.ts';
import type { IdentityStorage } from '../identity/identity-storage.ts';
import { type RenewalKey, renewIdentity } from '../identity/renew-identity.ts';
import { type Backoff, backoffDelay } from './backoff.ts';
import type { Sleep } from './sleep.ts';

export type RenewalEvent =
  | { readonly name: 'renewing'; readonly identity: Identity }
  /** `identity` is the new one. */
  | { readonly name: 'renewed'; readonly identity: Identity }
  /** `delay`: ms until the next attempt at the earliest, null where there will be none. */
  | { readonly name: 'renewal-failed'; readonly reason: Failure; readonly delay: number | null }
  /** The broker refused the renewed certificate, and admitted the one before. */
  | { readonly name: 'renewal-refused'; readonly reason: Failure };

export interface RenewalOptions {
  readonly key: RenewalKey;
  /** Sends a CSR with `identity` for proof. @throws Failure */
  readonly renew: (identity: Identity, csr: string, signal: AbortSignal) => Promise<EnrollResponse>;
  readonly observe: (event: RenewalEvent) => void;
}

export interface RenewerOptions {
  readonly storage: IdentityStorage;
  readonly renewal: RenewalOptions;
  readonly backoff: Backoff;
  /** For a refusal that an operator may lift; null for a device that takes it for final. */
  readonly patience: Backoff | null;
  /** The server's time, as far as it is known. */
  readonly clock: Clock;
  readonly sleep: Sleep;
}

/** A wait is looked at anew this often: the clock may be set, and Node's timers end at 24 days. */
const LONGEST_SLEEP_MS = 60 * 60_000;
/** Of what is left of the certificate's life, the share that a wait may take, so that some attempts are left too. */
const WAIT_SHARE = 1 / 4;
/** What was renewed is good for this long, whatever a clock that is wrong says: else renewals would never end. */
const FRESH_MS = 1_000;

export class Renewer {
  readonly #options: RenewerOptions;
  #failures = 0;
  /** By the server's time: no attempt before. */
  #notBefore = Number.NEGATIVE_INFINITY;
  #freshUntil = Number.NEGATIVE_INFINITY;

  constructor(options: RenewerOptions) {
    this.#options = options;
  }

  isExpired({ notAfter }: Identity): boolean {
    return Math.max(notAfter, this.#freshUntil) <= this.#options.clock.now();
  }

  /** Whether it is time to renew, and no failure says to wait. */
  isDue(identity: Identity): boolean {
    return this.#dueAt(identity) <= this.#options.clock.now();
  }

  /** Attempts until one succeeds. @returns the successor; undefined once `signal` aborts */
  async whenDue(identity: Identity, signal: AbortSignal): Promise<Identity | undefined> {
    while (!signal.aborted) {
      const wait = this.#dueAt(identity) - this.#options.clock.now();
      if (wait > 0) {
        await this.#options.sleep(Math.min(wait, LONGEST_SLEEP_MS), signal);
        continue;
      }
      try {
        return await this.attempt(identity, signal);
      } catch (error) {
        // The wait for the next attempt begins; whatever is no failure of the server is thrown on.
        if (!signal.aborted) asFailure(error);
      }
    }
    return undefined;
  }

  /** One attempt, now. @returns the successor, stored @throws Failure */
  async attempt(identity: Identity, signal: AbortSignal): Promise<Identity> {
    const { storage, renewal } = this.#options;
    renewal.observe({ name: 'renewing', identity });
    const renew = (csr: string) => renewal.renew(identity, csr, signal);
    try {
      const successor = await renewIdentity({ storage, identity, renewalKey: renewal.key, renew });
      this.#failures = 0;
      this.#freshUntil = this.#options.clock.now() + FRESH_MS;
      this.#notBefore = this.#freshUntil;
      renewal.observe({ name: 'renewed', identity: successor });
      return successor;
    } catch (error) {
      if (!signal.aborted) this.#fail(identity, asFailure(error));
      throw error;
    }
  }

  /** What was renewed turned out to be of no use: to try again at once would only bring another of its kind. */
  refused(identity: Identity, reason: Failure): void {
    this.#options.renewal.observe({ name: 'renewal-refused', reason });
    this.#postpone(identity, reason);
  }

  #dueAt({ renewAfter }: Identity): number {
    return Math.max(renewAfter, this.#notBefore);
  }

  #fail(identity: Identity, reason: Failure): void {
    const delay = this.#postpone(identity, reason);
    this.#options.renewal.observe({ name: 'renewal-failed', reason, delay });
  }

  /** @returns ms, null for ever */
  #postpone({ notAfter }: Identity, { retry, retryAfter }: Failure): number | null {
    const { backoff, patience, clock } = this.#options;
    this.#failures += 1;
    const now = clock.now();
    const schedule = retry === 'soon' ? backoff : patience;
    if (schedule === null) {
      this.#notBefore = Number.POSITIVE_INFINITY;
      return null;
    }
    const cap = Math.min(schedule.cap, Math.max(schedule.base, (notAfter - now) * WAIT_SHARE));
    const delay = backoffDelay({ ...schedule, cap }, this.#failures, retryAfter ?? 0);
    this.#notBefore = now + delay;
    return delay;
  }
}
