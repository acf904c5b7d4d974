/** How far an import is: a line on the terminal of standard error that redraws itself, and nothing elsewhere. */
import type { CommandIo } from '../../runtime/command-line/io.ts';

const REDRAW_MS = 100;
const WIDTH = 80;
/** Carriage return and "erase to the end". */
const [BEGIN, ERASE] = ['\r', '\x1b[K'];

export class Progress {
  readonly #io: Pick<CommandIo, 'stderr' | 'environment'>;
  #drawn = Number.NEGATIVE_INFINITY;

  constructor(io: Pick<CommandIo, 'stderr' | 'environment'>) {
    this.#io = io;
  }

  /** `writing: 12,000 of 50,000 (24 %)` */
  show(what: string, done: number, of: number, unit = ''): void {
    const now = performance.now();
    if (!this.#isWatched || now - this.#drawn < REDRAW_MS) return;
    this.#drawn = now;
    const share = of === 0 ? 100 : Math.floor((100 * done) / of);
    const line = `${what}: ${count(done)} of ${count(of)}${unit} (${share} %)`;
    this.#io.stderr.write(`${BEGIN}${line.slice(0, (this.#io.stderr.columns || WIDTH) - 1)}${ERASE}`);
  }

  /** Leaves nothing of it on the screen. */
  end(): void {
    if (this.#drawn !== Number.NEGATIVE_INFINITY) this.#io.stderr.write(`${BEGIN}${ERASE}`);
  }

  get #isWatched(): boolean {
    return this.#io.stderr.isTTY === true && this.#io.environment.TERM !== 'dumb';
  }
}

/** 50,000. By hand: to look up what a language does takes Node longer than a revocation. @param number a whole one */
export function count(number: number): string {
  return String(number).replace(/\B(?=(?:\d{3})+$)/g, ',');
}
