/**
 * Follows the broker's feed of first uses. There is no cursor to keep: to apply a row twice changes nothing, and
 * the broker removes those that the registry shows as applied.
 */
import { type FirstUseRow, readFirstUses } from '../registry/first-uses/reader.ts';
import type { Logger } from '../runtime/log.ts';
import type { EnrollContext } from './context.ts';
import { noteFirstUse } from './use-cases/renewing/first-use.ts';

const POLL_MS = 250;

export interface FirstUseFollowerOptions extends Pick<EnrollContext, 'registry' | 'clock'> {
  /** The broker's; it need not be there yet. */
  readonly file: string;
  readonly log: Logger;
}

export class FirstUseFollower {
  readonly #options: FirstUseFollowerOptions;
  readonly #timer: NodeJS.Timeout;
  /** Rows that are in the file still, though they have been applied. */
  #applied: ReadonlySet<string> = new Set();
  #looking: Promise<void> | undefined;
  #failing = false;

  constructor(options: FirstUseFollowerOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }, POLL_MS).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { file, log } = this.#options;
    try {
      const rows = readFirstUses(file);
      if (rows === undefined) return;
      const fresh = rows.filter((row) => !this.#applied.has(identityOf(row)));
      await Promise.all(fresh.map((row) => noteFirstUse(this.#options, row)));
      this.#applied = new Set(rows.map(identityOf));
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) log.error({ err: error, file }, 'first uses cannot be read; trying again');
      this.#failing = true;
    }
  }
}

/** All of it: a file that was lost begins to count anew. */
function identityOf({ seq, fingerprint, time }: FirstUseRow): string {
  return `${seq} ${fingerprint} ${time}`;
}
