/**
 * Reads the registry's journal on from where it stood at the start, row by row and each one until it has taken
 * effect. A wake-up that is missed costs a delay and never a change: rows are read by their number.
 */
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { GatehouseError } from '../../core/errors.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import type { RegistryView } from '../../registry/port/registry.ts';
import type { Logger } from '../../runtime/log.ts';

/** Rows of a bulk change hold a hundred devices each: to read a page takes some 5 ms, for which the sessions wait. */
const PAGE = 20;
const RETRY_MS = 200;
/** Looks without being told to, so that a journal which cannot be read is noticed even when nothing changes. */
const LOOK_MS = 1_000;
/** ms for which rows are put into effect without a turn for anybody else. */
const SLICE_MS = 3;

export interface JournalTailOptions {
  readonly registry: Pick<RegistryView, 'journal' | 'journalHead' | 'watch'>;
  /**
   * Ends connections, for all rows of a page before the first of them takes effect otherwise. May be called again with
   * a row after either rejected, and so may `apply`.
   */
  readonly cut: (rows: readonly JournalRow[]) => Promise<void>;
  /** Resolves when the next row may: what waits for a disk goes on behind it. */
  readonly apply: (row: JournalRow) => Promise<void>;
  /** Every row that was committed with this one, or before, has been applied: called after the last that there is. */
  readonly onCaughtUp: (last: Pick<JournalRow, 'seq' | 'hash'>) => void;
  /** The registry is not the one that was open any more: called once, and nothing is read after it. */
  readonly onReplaced: (error: GatehouseError) => void;
  /** Rows could not be read, or put into effect, for this many ms: called each time that it fails again. */
  readonly onSilence: (milliseconds: number) => void;
  readonly log: Logger;
}

export class JournalTail {
  readonly #options: JournalTailOptions;
  #after = 0;
  /** Of the last row that was read: the next one builds on it. */
  #hash: string | undefined;
  #woken = false;
  #running = false;
  #closed = false;
  #failingSince: number | null = null;
  #stop: () => void = () => {};

  constructor(options: JournalTailOptions) {
    this.#options = options;
  }

  /**
   * What is in the journal now is left to the registry's own records: whoever is admitted is checked by them. Nothing is
   * read before `follow`. @returns its last row; with no hash where there is none
   */
  async start(): Promise<Pick<JournalRow, 'seq' | 'hash'>> {
    const { registry } = this.#options;
    this.#after = await registry.journalHead();
    const [last] = await registry.journal(this.#after - 1, 1);
    this.#hash = last?.seq === this.#after ? last.hash : undefined;
    return { seq: this.#after, hash: this.#hash ?? '' };
  }

  /** Reads on from where `start` found the end. */
  follow(): void {
    const { registry } = this.#options;
    const wake = () => void this.#wake();
    const unwatch = registry.watch(wake, (error) => {
      if (isReplaced(error)) this.#end(error);
      else wake();
    });
    const look = setInterval(wake, LOOK_MS).unref();
    this.#stop = () => {
      unwatch();
      clearInterval(look);
    };
    wake();
  }

  /** ms for which the journal could not be read or put into effect; 0 while it can. */
  silence(): number {
    return this.#failingSince === null ? 0 : performance.now() - this.#failingSince;
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  async #wake(): Promise<void> {
    this.#woken = true;
    if (this.#running) return;
    this.#running = true;
    while (this.#woken && !this.#closed) {
      this.#woken = false;
      try {
        await this.#readOn();
        this.#noteSuccess();
      } catch (error) {
        if (isReplaced(error)) {
          this.#end(error);
          break;
        }
        this.#noteFailure(error);
        this.#options.onSilence(this.silence());
        this.#woken = true;
        await delay(RETRY_MS, undefined, { ref: false });
      }
    }
    this.#running = false;
  }

  async #readOn(): Promise<void> {
    const { registry, cut, apply, onCaughtUp } = this.#options;
    for (;;) {
      const rows = await registry.journal(this.#after, PAGE);
      if (rows.length === 0) await this.#checkHead();
      checkLinks(rows, this.#hash);
      await cut(rows);
      let sliceEnd = performance.now() + SLICE_MS;
      for (const row of rows) {
        await apply(row);
        this.#after = row.seq;
        this.#hash = row.hash;
        if (performance.now() < sliceEnd) continue;
        await nextTurn();
        sliceEnd = performance.now() + SLICE_MS;
      }
      if (rows.length < PAGE) {
        if (this.#hash !== undefined) onCaughtUp({ seq: this.#after, hash: this.#hash });
        return;
      }
      await nextTurn();
      if (this.#closed) return;
    }
  }

  async #checkHead(): Promise<void> {
    const head = await this.#options.registry.journalHead();
    if (head >= this.#after) return;
    throw new GatehouseError('registry_replaced', `the journal went back from row ${this.#after} to ${head}`);
  }

  /** What it was is silent for ever. */
  #end(error: GatehouseError): void {
    if (this.#closed) return;
    this.close();
    this.#failingSince = Number.NEGATIVE_INFINITY;
    this.#options.log.fatal({ err: error, rule: error.code, remedy: error.remedy }, error.message);
    this.#options.onReplaced(error);
  }

  #noteSuccess(): void {
    if (this.#failingSince === null || this.#closed) return;
    this.#failingSince = null;
    this.#options.log.info({ seq: this.#after }, 'the journal is read again');
  }

  #noteFailure(error: unknown): void {
    if (this.#failingSince !== null || this.#closed) return;
    this.#failingSince = performance.now();
    this.#options.log.error({ err: error, after: this.#after }, 'the journal cannot be read; trying again');
  }
}

/** @param before hash of the row before the first; undefined where that is not known @throws GatehouseError `registry_replaced` */
function checkLinks(rows: readonly JournalRow[], before: string | undefined): void {
  let hash = before;
  for (const row of rows) {
    if (hash !== undefined && row.previousHash !== hash) {
      const detail = `row ${row.seq} does not follow what was read before it`;
      throw new GatehouseError('registry_replaced', detail);
    }
    hash = row.hash;
  }
}

function isReplaced(error: unknown): error is GatehouseError {
  return error instanceof GatehouseError && error.code === 'registry_replaced';
}
