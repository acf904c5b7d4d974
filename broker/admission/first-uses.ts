/**
 * Tells enroll which renewed certificates have been used: once each, and behind the messages. Whatever fails here
 * is logged and left; the certificate's next connection tells it again.
 */
import type { Clock } from '../../core/clock.ts';
import type { Fingerprint } from '../../core/ids.ts';
import type { FirstUseWriter } from '../../registry/first-uses/writer.ts';
import type { RegistryReader } from '../../registry/port.ts';
import type { Logger } from '../../runtime/log.ts';

/** What comes in meanwhile is written at one stroke. */
const GATHER_MS = 100;
const PRUNE_MS = 1_000;
/** Bounds how long one look at what is told occupies the event loop. */
const PRUNED_AT_ONCE = 500;
/** As many as the file has room for while enroll does not read it. */
const MAX_TOLD = 100_000;

export interface FirstUsesOptions {
  readonly feed: FirstUseWriter;
  readonly registry: Pick<RegistryReader, 'certificate'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class FirstUses {
  readonly #options: FirstUsesOptions;
  /** In the feed, until the registry shows that enroll has read it. In the order in which they were told. */
  readonly #told: Set<Fingerprint>;
  /** On their way into the feed, with their time. */
  readonly #gathered = new Map<Fingerprint, number>();
  readonly #timer: NodeJS.Timeout;
  #pruning: Promise<void> | undefined;
  #writing: NodeJS.Timeout | undefined;

  constructor(options: FirstUsesOptions) {
    this.#options = options;
    this.#told = new Set(options.feed.all().map(({ fingerprint }) => fingerprint));
    this.#timer = setInterval(() => {
      this.#pruning ??= this.#prune().finally(() => {
        this.#pruning = undefined;
      });
    }, PRUNE_MS).unref();
  }

  /** @param fingerprint of a certificate that renews another and, as far as the registry knows, was never used */
  note(fingerprint: Fingerprint): void {
    if (this.#told.has(fingerprint) || this.#gathered.has(fingerprint)) return;
    if (this.#told.size + this.#gathered.size >= MAX_TOLD) return;
    this.#gathered.set(fingerprint, this.#options.clock.now());
    this.#writing ??= setTimeout(() => this.#write(), GATHER_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#pruning;
    clearTimeout(this.#writing);
    this.#write();
    this.#options.feed.close();
  }

  #write(): void {
    this.#writing = undefined;
    const uses = [...this.#gathered].map(([fingerprint, time]) => ({ fingerprint, time }));
    this.#gathered.clear();
    if (uses.length === 0) return;
    this.#orReport(() => {
      this.#options.feed.add(uses);
      for (const { fingerprint } of uses) this.#told.add(fingerprint);
    });
  }

  /** Removes what enroll has acted on, and what it never will: it has no more to do with a certificate that is not active. */
  async #prune(): Promise<void> {
    const { feed, registry, log } = this.#options;
    const settled: Fingerprint[] = [];
    try {
      for (const fingerprint of [...this.#told].slice(0, PRUNED_AT_ONCE)) {
        const certificate = await registry.certificate(fingerprint);
        if (certificate?.status !== 'active' || certificate.firstUsedAt !== null) settled.push(fingerprint);
      }
    } catch (error) {
      log.warn({ err: error }, 'the registry cannot be asked which first uses are settled');
      return;
    }
    if (settled.length === 0) return;
    this.#orReport(() => {
      feed.remove(settled);
      for (const fingerprint of settled) this.#told.delete(fingerprint);
    });
  }

  #orReport(change: () => void): void {
    try {
      change();
    } catch (error) {
      this.#options.log.error({ err: error }, 'the feed of first uses cannot be written');
    }
  }
}
