/** Housekeeping: what ended longer ago than the retention leaves the registry, at the start and every hour. */
import type { Clock } from '../../core/clock.ts';
import type { Due } from '../../registry/port/housekeeping.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { JournalArchiveRecord, Pruned, RegistrySpace } from '../../registry/records.ts';
import type { Logger } from '../../runtime/log.ts';
import { ArchiveFolder } from './archive-folder.ts';
import { type Archived, archiveJournal, countDueRows } from './archive-journal.ts';
import { type Pause, usualPause } from './pace.ts';
import { add, dropLapsedRequests, horizonOf, NOTHING, pruneCertificates, pruneTokens } from './prune.ts';

const INTERVAL_MS = 3_600_000;
const DAY = 86_400_000;
const FAILED = 'housekeeping failed; trying again in an hour';
/** As many rows of a kind are counted for the status at the most. */
export const COUNTED = 10_000;

export interface HousekeepingOptions {
  readonly registry: Registry;
  /** By which requests lapse. */
  readonly clock: Clock;
  /** By which it is told what ended long ago: see careful-clock.ts. */
  readonly carefulClock: Clock;
  /** ms; null for ever. */
  readonly retention: number | null;
  /** Of the journal's archives. */
  readonly archive: string;
  /** Told of each run. */
  readonly onRun: (run: HousekeepingRun) => void;
  readonly log: Logger;
  readonly pause?: Pause;
  /** Of one file of the journal's archive. */
  readonly archiveRows?: number;
}

export interface HousekeepingRun {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly pruned: Pruned;
  readonly journal: Archived;
  /** What kept it from its end; null where nothing did. */
  readonly failure: string | null;
}

/** As far as a run has come. */
interface Done {
  pruned: Pruned;
  journal: Archived;
}

export interface HousekeepingStatus {
  /** ms; null for ever. */
  readonly retention: number | null;
  /** ms since the epoch: what ended by then goes; null where everything stays. */
  readonly before: number | null;
  readonly running: boolean;
  readonly lastRun: HousekeepingRun | null;
  /** Counted up to `COUNTED`; null where everything stays. */
  readonly due: (Due & { readonly journalRows: number }) | null;
  readonly space: RegistrySpace;
  readonly lastArchive: JournalArchiveRecord | null;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #pause: Pause;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<HousekeepingRun> | undefined;
  #lastRun: HousekeepingRun | null = null;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#pause = options.pause ?? usualPause;
  }

  /** Runs once soon, and then every hour. */
  start(): void {
    void this.run();
    this.#timer = setInterval(() => void this.run(), INTERVAL_MS).unref();
  }

  /** Never rejects. Whoever asks while it runs gets the run that is under way. */
  run(): Promise<HousekeepingRun> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async status(): Promise<HousekeepingStatus> {
    const { registry, retention } = this.#options;
    const before = this.#before();
    return {
      retention,
      before,
      running: this.#running !== undefined,
      lastRun: this.#lastRun,
      due: before === null ? null : await this.#due(before),
      space: await registry.space(),
      lastArchive: (await registry.lastJournalArchive()) ?? null,
    };
  }

  /** Ends a run between two of its steps. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#running;
  }

  async #due(before: number) {
    const { registry, clock, archiveRows } = this.#options;
    const horizon = { ...(await horizonOf(registry, before)), now: clock.now() };
    const rows = { registry, clock, before, ...(archiveRows === undefined ? {} : { maxRows: archiveRows }) };
    return { ...(await registry.due(horizon, COUNTED)), journalRows: await countDueRows(rows) };
  }

  #before(): number | null {
    const { retention, carefulClock } = this.#options;
    return retention === null ? null : carefulClock.now() - retention;
  }

  async #run(): Promise<HousekeepingRun> {
    const { clock, onRun, log } = this.#options;
    const startedAt = clock.now();
    const done: Done = { pruned: NOTHING, journal: { archives: 0, rows: 0 } };
    let failure: string | null = null;
    try {
      this.#warnOfClock();
      await this.#work(done);
    } catch (error) {
      failure = (error as Error).message;
      if (!this.#stop.signal.aborted) log.error({ err: error }, FAILED);
    }
    if (this.#stop.signal.aborted) failure = 'it was stopped';
    this.#lastRun = { startedAt, endedAt: clock.now(), ...done, failure };
    onRun(this.#lastRun);
    const removed = { ...done.pruned, journalRows: done.journal.rows, archives: done.journal.archives };
    if (Object.values(removed).some((count) => count > 0)) log.info(removed, 'housekeeping is done');
    return this.#lastRun;
  }

  #warnOfClock(): void {
    const { clock, carefulClock, retention, log } = this.#options;
    const ahead = clock.now() - carefulClock.now();
    if (retention === null || ahead < DAY) return;
    const until = new Date(carefulClock.now()).toISOString();
    log.warn(
      { until },
      'the clock is far ahead of the journal: housekeeping goes by it after the next start',
    );
  }

  async #work(done: Done): Promise<void> {
    const { registry, clock, archive, archiveRows } = this.#options;
    const before = this.#before();
    const terms = { registry, clock, signal: this.#stop.signal, pause: this.#pause };
    done.pruned = { ...NOTHING, requests: await dropLapsedRequests(terms) };
    if (before === null) return;
    const pruning = { ...terms, before };
    done.pruned = add(done.pruned, await pruneCertificates(pruning));
    done.pruned = add(done.pruned, await pruneTokens(pruning));
    const maxRows = archiveRows === undefined ? {} : { maxRows: archiveRows };
    done.journal = await archiveJournal({ ...pruning, folder: new ArchiveFolder(archive), ...maxRows });
  }
}
