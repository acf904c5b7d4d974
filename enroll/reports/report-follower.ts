/**
 * Follows what the broker reports, file by file. The transaction that writes what was observed also notes the file as
 * taken in: killed at any point, enroll goes on with the same file or with the next one, and counts nothing twice. First
 * uses go before it, in transactions of their own: to apply one twice changes nothing.
 */
import { type ReportFile, readNextReport } from '../../registry/reports/reader.ts';
import type { Logger } from '../../runtime/log.ts';
import type { EnrollContext } from '../context.ts';
import { noteFirstUse } from '../use-cases/renewing/first-use.ts';
import { observationsIn } from './observations-in.ts';

const POLL_MS = 250;
/** A broker that was taken over may write as fast as it likes; enroll has others to serve. */
const FILES_AT_ONCE = 2;

export interface ReportFollowerOptions extends Pick<EnrollContext, 'registry' | 'clock'> {
  /** The broker's; it need not be there yet. */
  readonly folder: string;
  readonly log: Logger;
}

export class ReportFollower {
  readonly #options: ReportFollowerOptions;
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | undefined;
  #failing = false;

  constructor(options: ReportFollowerOptions) {
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
    const { registry, folder, log } = this.#options;
    try {
      for (let files = 0; files < FILES_AT_ONCE; files++) {
        const file = readNextReport(folder, await registry.observations.lastReport());
        if (file === undefined) break;
        await this.#takeIn(file);
      }
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        log.error({ err: error, folder }, 'reports of the broker cannot be taken in; trying again');
      this.#failing = true;
    }
  }

  async #takeIn({ number, reports, problem }: ReportFile): Promise<void> {
    const { registry, clock, log } = this.#options;
    if (problem !== null)
      log.error({ report: number, problem }, 'a report of the broker is not as it should be');
    const uses = reports.filter((report) => report.kind === 'firstUse');
    await Promise.all(uses.map((use) => noteFirstUse(this.#options, use)));
    await registry.observe({ report: number, ...observationsIn(reports, clock.now()) });
  }
}
