/** Lines about peers that nobody knows: as many a second as can be read, and in the next how many there were none for. */
import type { Logger } from '../../runtime/log.ts';

const LINES_PER_SECOND = 10;
const SECOND_MS = 1_000;

export class RefusalLog {
  readonly #log: Logger;
  #since = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #unlogged = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** `now` is in ms, of any clock that never goes back. */
  tell(fields: object, level: 'warn' | 'debug' = 'warn', now = performance.now()): void {
    if (now - this.#since >= SECOND_MS) {
      this.#since = now;
      this.#lines = 0;
    }
    if (this.#lines >= LINES_PER_SECOND) {
      this.#unlogged++;
      return;
    }
    this.#lines++;
    const unlogged = this.#unlogged > 0 ? { unlogged: this.#unlogged } : {};
    this.#unlogged = 0;
    this.#log[level]({ ...fields, ...unlogged }, 'connection refused');
  }
}
