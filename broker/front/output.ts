/**
 * The bytes on their way to a device. One write is under way at a time, and all that is added meanwhile leaves with the
 * next one: a quiet connection answers at once, and a busy one sends few and large TLS records.
 */
import type { Duplex } from 'node:stream';

/** Bytes that wait behind the write that is under way, from which on those who cause them are to wait. */
const HIGH_WATER = 64 * 1_024;
/** Where a piece of memory begins that is as large as what was sent last needed. */
const LEAST_BYTES = 64;
const MOST_EXPECTED = 64 * 1_024;
const NOTHING = Buffer.alloc(0);

export interface OutputOptions {
  readonly socket: Duplex;
  /** ms for which it may be full on end. */
  readonly drainTime: number;
  /** It was, for that long: whoever is at the other end does not read. */
  readonly onStalled: () => void;
  readonly highWater?: number;
}

export class Output {
  readonly #options: OutputOptions;
  readonly #highWater: number;
  #bytes: Buffer = NOTHING;
  #length = 0;
  /** Of the last write. */
  #expected = LEAST_BYTES;
  #isWriting = false;
  #isScheduled = false;
  #isFinishing = false;
  #isEnded = false;
  /** How many have something to say yet. */
  #owed = 0;
  #stall: NodeJS.Timeout | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: OutputOptions) {
    this.#options = options;
    this.#highWater = options.highWater ?? HIGH_WATER;
  }

  /** What waits. Another one after each `reserve`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** Whether nothing more should be added. Whoever does it all the same only takes memory. */
  get isFull(): boolean {
    return this.#length >= this.#highWater;
  }

  /** Makes room for `size` bytes, which leave soon, and returns where in `bytes` they are to be written. */
  reserve(size: number): number {
    const start = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) this.#grow(start);
    if (this.#isWriting) {
      this.#watch();
    } else if (!this.#isScheduled) {
      this.#isScheduled = true;
      process.nextTick(flush, this); // when the chunk has been worked through that this comes from
    }
    return start;
  }

  /** @param from the bytes from `start` to `end` of it leave soon. Returns where in `bytes` they are now. */
  append(from: Buffer, start: number, end: number): number {
    const at = this.reserve(end - start);
    from.copy(this.#bytes, at, start, end);
    return at;
  }

  /** Calls back, once, when there is room; not if it ends before. */
  whenRoom(callback: () => void): void {
    this.#waiting.push(callback);
    this.#watch();
  }

  flush(): void {
    this.#isScheduled = false;
    const { socket } = this.#options;
    if (this.#length === 0 || this.#isWriting) return;
    const piece = this.#bytes.subarray(0, this.#length);
    this.#expected = Math.min(Math.max(this.#length, LEAST_BYTES), MOST_EXPECTED);
    this.#bytes = NOTHING;
    this.#length = 0;
    if (!socket.writable) return;
    this.#isWriting = true;
    socket.write(piece, this.#written);
    this.#watch();
  }

  /** Something is to be said that waits for the disk: the end waits for it, until `settle`. */
  owe(): void {
    this.#owed++;
  }

  settle(): void {
    this.#owed--;
    this.#endOnceDone();
  }

  /**
   * What waits and what is owed goes out, and then the end.
   * @param time ms that the device may take for that, and to close the connection
   */
  finish(time: number): void {
    if (this.#isFinishing || this.#isEnded) return;
    this.#isFinishing = true;
    clearTimeout(this.#stall);
    this.#waiting = [];
    const { socket } = this.#options;
    const giveUp = setTimeout(() => socket.destroy(), time).unref();
    socket.once('close', () => {
      clearTimeout(giveUp);
      this.close();
    });
    this.flush();
    this.#endOnceDone();
  }

  #endOnceDone(): void {
    if (!this.#isFinishing || this.#isEnded || this.#isWriting || this.#length > 0 || this.#owed > 0) return;
    this.close();
    this.#options.socket.end();
  }

  /** The connection is over. */
  close(): void {
    this.#isEnded = true;
    clearTimeout(this.#stall);
    this.#waiting = [];
    this.#bytes = NOTHING;
    this.#length = 0;
  }

  /** Whoever waits for the write that is under way does so for a while. */
  #watch(): void {
    if (this.#isFinishing || !this.#isWriting || (!this.isFull && this.#waiting.length === 0)) return;
    const { onStalled, drainTime } = this.#options;
    this.#stall ??= setTimeout(onStalled, drainTime).unref();
  }

  readonly #written = () => {
    this.#isWriting = false;
    if (this.#isEnded) return;
    clearTimeout(this.#stall);
    this.#stall = undefined;
    this.flush();
    this.#endOnceDone();
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  };

  #grow(used: number): void {
    const size = Math.max(this.#length, this.#bytes.length * 2, this.#expected);
    const larger = Buffer.allocUnsafe(size);
    this.#bytes.copy(larger, 0, 0, used);
    this.#bytes = larger;
  }
}

function flush(output: Output): void {
  output.flush();
}
