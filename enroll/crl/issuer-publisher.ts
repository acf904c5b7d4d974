/**
 * When the lists of one issuer are issued: soon after a change, and before the last ones run out. Changes that come
 * together make one issue; after a failure the last lists are served on, and it is tried again.
 */
import type { Issuer } from '../../core/pki/issue.ts';
import type { StatusChange } from '../../registry/records.ts';
import type { Logger } from '../../runtime/log.ts';
import type { CrlMetrics } from './crl-metrics.ts';
import type { CrlStore } from './crl-store.ts';
import { canBeFollowed, type IssueContext, issueLists, msToRefresh } from './issue-lists.ts';
import type { Publication } from './publication.ts';
import { takeCrlNumber } from './record-crl.ts';

export interface IssuerPublisherContext extends IssueContext {
  readonly store: CrlStore;
  readonly metrics: CrlMetrics;
  readonly log: Logger;
  readonly pace?: Pace | undefined;
}

/** ms from one issue to the next, where something has changed or the last one has failed. */
export type Pace = Readonly<Record<StatusChange | 'failed', number>>;

/**
 * Whoever was superseded has a successor: nobody waits for that, and in a fleet that renews all day it would be an issue
 * every second.
 */
const PACE: Pace = { urgent: 1_000, superseded: 60_000, failed: 5_000 };
/** How often the clock is looked at, which may be set. */
const TICK_MS = 60_000;

export class IssuerPublisher {
  readonly #context: IssuerPublisherContext;
  readonly #issuer: Issuer;
  /** What is known of changes up to here is in `#pending`. */
  #seen: number;
  #pending: StatusChange | undefined;
  /** Taken, and no list signed under it has been written yet. */
  #number: bigint | undefined;
  #startedAt = Number.NEGATIVE_INFINITY;
  #failed = false;
  #publishing = false;
  /** Closed, or the CA was retired. */
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(context: IssuerPublisherContext, issuer: Issuer) {
    this.#context = context;
    this.#issuer = issuer;
    this.#seen = this.#published?.head.seq ?? 0;
  }

  get #published(): Publication | undefined {
    return this.#context.store.published(this.#issuer.certificate.fingerprint);
  }

  /** Looks for changes that nobody has told of. */
  async look(): Promise<void> {
    const { registry } = this.#context;
    // The head first: a change that comes in between is found twice, and not never.
    const since = this.#seen;
    const head = await registry.journalHead();
    const change = await registry.statusChange(this.#issuer.certificate.fingerprint, since);
    // Not where lists were published meanwhile, which may not know of all that was found before.
    if (this.#seen === since) this.#seen = Math.max(since, head);
    if (change === undefined || this.#pending === 'urgent' || this.#pending === change) return;
    this.#pending = change;
    this.#arm();
  }

  /** Resolves when lists of now are served, or it has been tried: what failed is tried again by itself. */
  async ensure(): Promise<void> {
    await this.look();
    if (this.#pending !== undefined || !(await this.#isCurrent())) await this.#publish();
    else this.#arm();
  }

  /** The last lists of a CA that is about to be retired: signed, and not published. @param until ms */
  lastLists(until: number): Promise<Publication | undefined> {
    return this.#alone(() => {
      // A new one each time: it may be asked for again because something has changed.
      this.#number = undefined;
      return this.#issue(until);
    });
  }

  async close(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#last;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#ended || this.#publishing) return;
    this.#timer = setTimeout(() => {
      if (this.#delay() > 0) this.#arm();
      else void this.#publish();
    }, this.#delay()).unref();
  }

  /** ms until the next issue, or the next look at the clock. */
  #delay(): number {
    const since = performance.now() - this.#startedAt;
    const { pace = PACE } = this.#context;
    if (this.#failed) return Math.max(0, pace.failed - since);
    const forChange = this.#pending === undefined ? TICK_MS : pace[this.#pending] - since;
    const forTime = msToRefresh(this.#published, this.#context.clock.now());
    return Math.max(0, Math.min(forChange, forTime, TICK_MS));
  }

  async #isCurrent(): Promise<boolean> {
    const published = this.#published;
    if (published === undefined || msToRefresh(published, this.#context.clock.now()) === 0) return false;
    return canBeFollowed(this.#context, published);
  }

  /** Does not reject. */
  #publish(): Promise<void> {
    return this.#alone(async () => {
      const { store, registry, metrics, log } = this.#context;
      if (this.#ended) return;
      clearTimeout(this.#timer);
      this.#publishing = true;
      this.#startedAt = performance.now();
      const { subject, fingerprint } = this.#issuer.certificate;
      try {
        const publication = await this.#issue();
        // Its last lists are others, whatever was under way when it ended.
        const record = await registry.issuer(fingerprint);
        if (publication === undefined || record?.status === 'retired') {
          this.#ended = true;
          return;
        }
        this.#number = undefined;
        await store.publish(publication);
        this.#failed = false;
        this.#pending = undefined;
        this.#seen = publication.head.seq;
        metrics.published(fingerprint, (performance.now() - this.#startedAt) / 1_000);
        await this.look();
      } catch (error) {
        this.#failed = true;
        metrics.failed(fingerprint);
        log.error({ err: error, issuer: subject }, 'a CRL could not be issued; the last one is served');
      } finally {
        this.#publishing = false;
        this.#arm();
      }
    });
  }

  async #issue(until?: number): Promise<Publication | undefined> {
    const previous = this.#published;
    const { fingerprint } = this.#issuer.certificate;
    const take = () => takeCrlNumber(this.#context.registry, fingerprint, previous?.number ?? 0n);
    return issueLists(this.#context, {
      issuer: this.#issuer,
      previous,
      takeNumber: async () => {
        this.#number ??= await take();
        return this.#number;
      },
      ...(until === undefined ? {} : { until }),
    });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work, work);
    this.#last = next.catch(() => {});
    return next;
  }
}
