/**
 * The server's time, as its answers tell it: what counts for certificates. Until the first answer, and for as long
 * as the device's own clock agrees with it, that is the device's own.
 */
import type { Clock } from '../../core/clock.ts';

/** The header Date counts whole seconds (RFC 9110 §5.6.7), and an answer takes its time. */
const TOLERANCE_MS = 5_000;
/** Further off than this, a person should know. */
const WRONG_MS = 60_000;

export interface ServerTimeOptions {
  /** The device's own. */
  readonly clock: Clock;
  /** Told once how far the device's clock is behind the server's, in ms (negative: ahead), where that is far; and again where it changes. */
  readonly onWrongClock: (behind: number) => void;
}

export class ServerTime implements Clock {
  readonly #options: ServerTimeOptions;
  /** Milliseconds by which the device's clock is behind. */
  #behind = 0;
  #reported = 0;

  constructor(options: ServerTimeOptions) {
    this.#options = options;
  }

  now(): number {
    return this.#options.clock.now() + this.#behind;
  }

  /** @param time ms since the epoch, as an answer that has just come says */
  learn(time: number): void {
    const behind = time - this.#options.clock.now();
    this.#behind = Math.abs(behind) <= TOLERANCE_MS ? 0 : behind;
    if (Math.abs(this.#behind - this.#reported) <= WRONG_MS) return;
    this.#reported = this.#behind;
    if (Math.abs(behind) > WRONG_MS) this.#options.onWrongClock(behind);
  }
}
