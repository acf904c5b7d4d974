/**
 * What Aedes holds instead of the device's socket: the bytes that the gate lets pass, and back-pressure both
 * ways. A translation for MQTT 5 belongs here too: Aedes would go on speaking 3.1.1 to this stream.
 */
import { Duplex } from 'node:stream';
import { GatehouseError } from '../../core/errors.ts';
import type { PacketGate } from './packet-gate.ts';

/** ms for which a device must not have been held back to count as one that keeps to its limits again. */
const RELIEF_MS = 1_000;

export interface DeviceStreamOptions {
  readonly socket: Duplex;
  readonly gate: PacketGate;
  /** What Aedes reads first: the CONNECT. What the device sent after it waits for `open`. */
  readonly preface: Buffer;
  /** The gate found a packet that may not be. Nothing passes after it. */
  readonly onViolation: (error: unknown) => void;
  /** The device sends more than its policy lets it, and waits. */
  readonly onThrottle: () => void;
  /** ms of being held back on and on after which that is a violation. */
  readonly throttleTime: number;
}

type Callback = (error?: Error | null) => void;

export class DeviceStream extends Duplex {
  readonly #socket: Duplex;
  readonly #options: DeviceStreamOptions;
  /** The part of the last chunk that has not passed the gate yet. */
  #held: Buffer | undefined;
  #retry: NodeJS.Timeout | undefined;
  #inputOver = false;
  #open = false;
  #isOver = false;
  /** Since when it has been held back on and on, and when it last was. */
  #throttledSince = Number.NEGATIVE_INFINITY;
  #throttledLast = Number.NEGATIVE_INFINITY;

  constructor(options: DeviceStreamOptions) {
    super();
    this.#options = options;
    this.#socket = options.socket;
    this.push(options.preface);
    this.#socket
      .once('end', () => {
        this.#inputOver = true;
        if (this.#held === undefined) this.push(null);
      })
      // After a proper end, what is still buffered here is read to its end, and Aedes destroys the stream.
      .once('close', () => {
        if (!this.#inputOver) this.destroy();
      });
  }

  /**
   * CONNACK is sent: lets the device's packets in. Aedes would answer one that came early before CONNACK
   * [MQTT-3.2.0-1], or work on it before it has set the session up.
   */
  open(): void {
    if (this.#open || this.#isOver || this.destroyed) return;
    this.#open = true;
    const onData = (chunk: Buffer) => {
      if (this.#isOver) return;
      this.#held = chunk;
      this.#advance();
    };
    this.#socket.on('data', onData).resume();
  }

  /** Nothing of what the device sends passes any more; what has passed may still be answered. */
  stopInput(): void {
    this.#isOver = true;
    clearTimeout(this.#retry);
    this.#held = undefined;
  }

  /** After `stopInput`: the device gets what was written for it, and then the end. What it still sends is thrown away. */
  finish(): void {
    this.#socket.end();
    this.#socket.resume();
  }

  override _read(): void {
    if (this.#open && this.#held === undefined) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#send([chunk], callback);
  }

  /** Aedes writes a packet in several pieces: they leave as one TLS record. */
  override _writev(pieces: { readonly chunk: Buffer }[], callback: Callback): void {
    this.#send(
      pieces.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _destroy(_error: Error | null, callback: Callback): void {
    clearTimeout(this.#retry);
    this.#held = undefined;
    this.#socket.destroy();
    callback(); // the connection's end is no error to anybody here
  }

  #send(chunks: readonly Buffer[], callback: Callback): void {
    let flowing = true;
    if (this.#socket.writable) {
      this.#socket.cork();
      for (const chunk of chunks) flowing = this.#socket.write(chunk);
      this.#socket.uncork();
    }
    if (flowing) callback();
    else this.#socket.once('drain', callback);
  }

  #advance(): void {
    const chunk = this.#held;
    if (chunk === undefined) return;
    const now = performance.now();
    let passage: { readonly passed: number; readonly wait: number };
    try {
      passage = this.#options.gate.pass(chunk, now);
      if (passage.wait > 0) this.#checkPatience(now);
    } catch (error) {
      this.#socket.pause();
      this.#options.onViolation(error);
      return;
    }
    const { passed, wait } = passage;
    const roomForMore = passed === 0 || this.push(chunk.subarray(0, passed));
    if (passed < chunk.length) {
      this.#held = chunk.subarray(passed);
      this.#socket.pause();
      this.#options.onThrottle();
      this.#retry = setTimeout(() => this.#advance(), Math.ceil(wait));
      return;
    }
    this.#held = undefined;
    if (this.#inputOver) this.push(null);
    else if (roomForMore) this.#socket.resume();
    else this.#socket.pause();
  }

  /** @throws GatehouseError `rate_exceeded` */
  #checkPatience(now: number): void {
    if (now - this.#throttledLast > RELIEF_MS) this.#throttledSince = now;
    this.#throttledLast = now;
    if (now - this.#throttledSince <= this.#options.throttleTime) return;
    const seconds = Math.round(this.#options.throttleTime / 1_000);
    throw new GatehouseError('rate_exceeded', `the device has been held back for ${seconds} seconds on end`);
  }
}
