/**
 * Hands on to enroll what is to be reported: gathered first, so that a storm of devices is a few files, and behind the
 * messages. While enroll does not read, what is gathered goes on being gathered, within the bounds of whoever gathers it.
 */
import type { Clock } from '../../core/clock.ts';
import type { RefusalLedger } from '../../core/observations/refusal-ledger.ts';
import type { RegistryView } from '../../registry/port/registry.ts';
import type { Report } from '../../registry/reports/report.ts';
import type { ReportWriter } from '../../registry/reports/writer.ts';
import type { Logger } from '../../runtime/log.ts';
import type { BrokerLimits } from '../limits.ts';
import type { DevicePresence } from '../presence/device-presence.ts';
import type { FirstUses } from './first-uses.ts';

/** What comes in after the first is handed on with it. */
const GATHER_MS = 1_000;
/** A renewal waits for enroll's answer. */
const GATHER_FIRST_USES_MS = 100;
/** About as often as enroll looks. */
const MIN_INTERVAL_MS = 250;
/** That it runs is told even where there is nothing to tell (MAX_SILENCE_MS in registry/last-sighting.ts). */
const ALIVE_MS = 30_000;
const PRUNE_MS = 1_000;
/** Of each kind, in one file. */
const AT_ONCE = { firstUses: 400, sightings: 1_000, refusals: 250 };

export interface ReportFeedOptions {
  readonly writer: ReportWriter;
  readonly registry: Pick<RegistryView, 'observations'>;
  readonly firstUses: FirstUses;
  readonly presence: DevicePresence;
  readonly refusals: RefusalLedger;
  readonly limits: Pick<BrokerLimits, 'reportInterval'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class ReportFeed {
  readonly #options: ReportFeedOptions;
  readonly #startedAt: number;
  readonly #timers: readonly NodeJS.Timeout[];
  /** Taken from those who gather, and not written yet. */
  #pending: Report[] = [];
  /** There was more to take than one file has room for. */
  #hasMore = false;
  #next: { readonly timer: NodeJS.Timeout; readonly at: number } | undefined;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> = Promise.resolve();
  #pruning: Promise<void> | undefined;
  #endedAt: number | null = null;

  constructor(options: ReportFeedOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#timers = [
      setInterval(() => this.#wake(0), ALIVE_MS).unref(),
      setInterval(() => this.#prune(), PRUNE_MS).unref(),
    ];
    this.#wake(0);
  }

  /** There is something to tell that may wait a little. */
  noted(): void {
    const { reportInterval } = this.#options.limits;
    const gathering = Math.min(GATHER_MS, reportInterval);
    this.#wake(Math.max(gathering, this.#writtenAt + reportInterval - performance.now()));
  }

  /** There is a first use to tell. */
  urged(): void {
    this.#wake(Math.max(GATHER_FIRST_USES_MS, this.#writtenAt + MIN_INTERVAL_MS - performance.now()));
  }

  /** Tells the rest, and that the run has ended: sessions that stand until now end with it. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#next?.timer);
    await this.#pruning;
    await this.#writing;
    this.#endedAt = this.#options.clock.now();
    await this.#write();
  }

  #wake(delay: number): void {
    if (this.#endedAt !== null) return;
    const at = performance.now() + delay;
    if (this.#next !== undefined && this.#next.at <= at) return;
    clearTimeout(this.#next?.timer);
    const run = () => {
      this.#next = undefined;
      this.#writing = this.#writing.then(() => this.#write());
    };
    this.#next = { timer: setTimeout(run, delay).unref(), at };
  }

  /** At least one file, so that the run is known to go on. Never rejects. */
  async #write(): Promise<void> {
    const { writer, log } = this.#options;
    try {
      do {
        if (!writer.hasRoom) return;
        if (this.#pending.length === 0) this.#pending = this.#take();
        const { number, written } = await writer.write([this.#run(), ...this.#pending]);
        const told = this.#pending.splice(0, written - 1);
        if (told.length > 0) this.#writtenAt = performance.now();
        for (const report of told) {
          if (report.kind === 'firstUse') this.#options.firstUses.told(number, report.fingerprint);
        }
      } while (this.#pending.length > 0 || this.#hasMore);
    } catch (error) {
      log.error({ err: error }, 'reports to enroll cannot be written; trying again');
      this.noted();
    }
  }

  #run(): Report {
    const { clock } = this.#options;
    return { kind: 'run', startedAt: this.#startedAt, lastAt: clock.now(), endedAt: this.#endedAt };
  }

  #take(): Report[] {
    const { firstUses, presence, refusals } = this.#options;
    const run = this.#startedAt;
    const uses = firstUses.take(AT_ONCE.firstUses);
    const seen = presence.takeUnreported(AT_ONCE.sightings);
    const refused = refusals.take(AT_ONCE.refusals);
    // What came in while this was written waits for its time: else a flood would be a file for each.
    this.#hasMore =
      uses.length === AT_ONCE.firstUses ||
      seen.length === AT_ONCE.sightings ||
      refused.refusals.length === AT_ONCE.refusals ||
      refused.claims.length === AT_ONCE.refusals ||
      refused.strangers.length === AT_ONCE.refusals;
    return [
      ...uses,
      ...seen.map((presence) => ({ kind: 'sighting', run, ...presence }) as const),
      ...refused.refusals.map((refusal) => ({ kind: 'refusal', ...refusal }) as const),
      ...refused.claims.map((claim) => ({ kind: 'claim', ...claim }) as const),
      ...refused.strangers.map((stranger) => ({ kind: 'stranger', ...stranger }) as const),
    ];
  }

  #prune(): void {
    const { writer, registry, firstUses, log } = this.#options;
    if (!writer.isWaiting) return;
    const prune = async () => {
      const wasFull = !writer.hasRoom;
      const taken = await registry.observations.lastReport();
      await writer.prune(taken);
      firstUses.takenIn(taken);
      if (wasFull && writer.hasRoom) this.#wake(0);
    };
    this.#pruning ??= prune()
      .catch((error: unknown) => log.warn({ err: error }, 'reports that enroll has read cannot be removed'))
      .finally(() => {
        this.#pruning = undefined;
      });
  }
}
