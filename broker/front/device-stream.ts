/**
 * Where a device's packets part: message packets go to whoever serves them, the others to Aedes, which holds this stream
 * instead of the device's socket. A translation for MQTT 5 belongs here too: Aedes would go on speaking 3.1.1 to it.
 */
import { Duplex } from 'node:stream';
import { GatehouseError } from '../../core/errors.ts';
import { packetTypes, readLength } from './fixed-header.ts';
import { Output } from './output.ts';
import type { PacketGate, TakePacket } from './packet-gate.ts';
import { repeatedFilters, withEachCode } from './repeated-filters.ts';

/** ms for which one device's packets are taken before others get their turn, and how often that is looked at. */
const TURN_MS = 5;
const PACKETS_A_LOOK = 8;
/** ms for which a device must not have been held back to count as one that keeps to its limits again. */
const RELIEF_MS = 1_000;
const { publish, pubcomp, subscribe, suback, unsubscribe, unsuback, disconnect } = packetTypes;

export interface DeviceStreamOptions {
  readonly socket: Duplex;
  readonly gate: PacketGate;
  /** The gate, or whoever takes the messages, found a packet that may not be. Nothing passes after it. */
  readonly onViolation: (error: unknown) => void;
  /** The device sends more than its policy lets it, and waits. */
  readonly onThrottle: () => void;
  /** ms of being held back on and on after which that is a violation. */
  readonly throttleTime: number;
  /** ms for which the device may not read while more waits for it than may. Then the connection ends. */
  readonly drainTime: number;
  /** ms that the device may take for the last of it, once it has said DISCONNECT or the broker ends. */
  readonly farewellTime: number;
}

type Callback = (error?: Error | null) => void;

export class DeviceStream extends Duplex {
  readonly output: Output;
  readonly #socket: Duplex;
  readonly #options: DeviceStreamOptions;
  /** Takes the message packets, from `open` on. */
  #takeMessage: TakePacket | undefined;
  /** The part of the last chunk that has not been taken yet. */
  #held: Buffer | undefined;
  #retry: NodeJS.Timeout | undefined;
  #inputOver = false;
  #isOver = false;
  /** It has said DISCONNECT. */
  #isLeaving = false;
  #isPaused = true;
  /** SUBSCRIBE or UNSUBSCRIBE is with Aedes: what came behind it waits for the answer, so that it finds it done. */
  #isAnswerDue = false;
  /** What that SUBSCRIBE asks for, where it repeats itself. */
  #repeated: ReturnType<typeof repeatedFilters> = null;
  /** Aedes wants no more now. */
  #isAedesFull = false;
  /** How many receivers cannot take more of what this device publishes. */
  #holds = 0;
  #waitsForRoom = false;
  /** Others have their turn. */
  #isYielding = false;
  #taken = 0;
  #turnBegan = 0;
  /** Since when it has been held back on and on, and when it last was. */
  #throttledSince = Number.NEGATIVE_INFINITY;
  #throttledLast = Number.NEGATIVE_INFINITY;
  /** When it last sent anything. */
  #heard = performance.now();

  constructor(options: DeviceStreamOptions) {
    super();
    const { socket, drainTime } = options;
    this.#options = options;
    this.#socket = socket;
    socket.allowHalfOpen = true; // a device that has said its last is answered all the same
    this.output = new Output({ socket, drainTime, onStalled: () => this.destroy() });
    this.#socket
      .on('end', () => {
        this.#inputOver = true;
        this.#proceed();
      })
      // After a proper end, what is still here is taken to its end, and Aedes destroys the stream.
      .on('close', () => {
        if (!this.#inputOver || this.#isOver) this.destroy();
      });
  }

  /**
   * CONNACK is sent: lets the device's packets in. Aedes would answer one that came early before CONNACK
   * [MQTT-3.2.0-1], or work on it before it has set the session up.
   */
  open(takeMessage: TakePacket): void {
    if (this.#takeMessage !== undefined || this.#isOver || this.destroyed) return;
    this.#takeMessage = takeMessage;
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
      this.#proceed();
    });
    this.#proceed();
  }

  /** Whether the device has sent nothing for `milliseconds`, though what it sends is read. */
  isSilent(milliseconds: number, now: number): boolean {
    return !this.#isPaused && !this.destroyed && now - this.#heard > milliseconds;
  }

  /** An acknowledgement was for nothing that is under way. */
  chargeUnasked(): void {
    this.#options.gate.chargeUnasked(performance.now());
  }

  /** Nothing that the device sends is taken until as many calls of `release`. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
    this.#proceed();
  }

  /** Nothing of what the device sends passes any more; what has passed may still be answered. */
  stopInput(): void {
    this.#isOver = true;
    clearTimeout(this.#retry);
    this.#held = undefined;
  }

  /** After `stopInput`: the device gets what was written for it, and then the end. What it still sends is thrown away. */
  finish(): void {
    this.output.finish(this.#options.farewellTime);
    this.#socket.resume();
  }

  override _read(): void {
    this.#isAedesFull = false;
    this.#proceed();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#send(chunk, callback);
  }

  /** Aedes writes a packet in several pieces, all of them in one turn. */
  override _writev(pieces: { readonly chunk: Buffer }[], callback: Callback): void {
    this.#send(Buffer.concat(pieces.map(({ chunk }) => chunk)), callback);
  }

  override _destroy(_error: Error | null, callback: Callback): void {
    this.stopInput();
    if (this.#isLeaving) this.finish();
    else {
      this.output.flush();
      this.output.close();
      this.#socket.destroy();
    }
    callback(); // the connection's end is no error to anybody here
  }

  /** @param said by Aedes: packets, whole ones: short, and no more of them than the device has sent */
  #send(said: Buffer, callback: Callback): void {
    const packets = this.#repeated === null ? said : withEachCode(said, this.#repeated);
    this.output.append(packets, 0, packets.length);
    callback();
    if (!this.#isAnswerDue || !holdsAnswer(packets)) return;
    this.#isAnswerDue = false;
    this.#repeated = null;
    this.#proceed();
  }

  /** Goes on with what the device sends, as far as it may now. */
  #proceed(): void {
    if (this.#takeMessage === undefined || this.#isOver || this.destroyed) return;
    if (this.#retry === undefined && this.#isReady()) this.#advance();
    if (this.#isOver || this.destroyed) return;
    if (this.#held === undefined && this.#inputOver && !this.readableEnded) this.push(null);
    const isPaused = this.#held !== undefined || !this.#isReady();
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#socket.pause();
    else {
      this.#heard = performance.now();
      this.#socket.resume();
    }
  }

  #isReady(): boolean {
    if (this.#holds > 0 || this.#isAnswerDue || this.#isAedesFull || this.#isYielding) return false;
    if (!this.output.isFull) return true;
    if (!this.#waitsForRoom) {
      this.#waitsForRoom = true;
      this.output.whenRoom(() => {
        this.#waitsForRoom = false;
        this.#proceed();
      });
    }
    return false;
  }

  #advance(): void {
    const chunk = this.#held;
    if (chunk === undefined) return;
    const now = performance.now();
    this.#turnBegan = now;
    this.#heard = now;
    try {
      const { passed, wait } = this.#options.gate.pass(chunk, now, this.#take);
      if (this.#isOver || this.destroyed) return;
      this.#held = passed < chunk.length ? chunk.subarray(passed) : undefined;
      if (wait > 0) this.#throttle(wait, now);
    } catch (error) {
      this.#socket.pause();
      this.stopInput();
      this.#options.onViolation(error);
    }
  }

  readonly #take: TakePacket = (bytes, start, body, end) => {
    const type = (bytes[start] ?? 0) >> 4;
    if (type >= publish && type <= pubcomp) {
      if (this.#takeMessage?.(bytes, start, body, end) !== true) return false;
      if (++this.#taken % PACKETS_A_LOOK === 0) this.#yieldInTime();
      return this.#isReady();
    }
    if (type === subscribe) this.#repeated = repeatedFilters(bytes, body, end);
    if (type === subscribe || type === unsubscribe) this.#isAnswerDue = true;
    this.#isAedesFull = !this.push(bytes.subarray(start, end));
    if (type !== disconnect) return this.#isReady();
    this.#isLeaving = true; // what it has sent before is still answered
    this.stopInput(); // nothing may follow it [MQTT-3.14.4-2]
    return false;
  };

  /** A chunk may hold thousands of messages, each for thousands. */
  #yieldInTime(): void {
    if (performance.now() - this.#turnBegan < TURN_MS) return;
    this.#isYielding = true;
    setImmediate(() => {
      this.#isYielding = false;
      this.#proceed();
    });
  }

  /** @throws GatehouseError `rate_exceeded` */
  #throttle(wait: number, now: number): void {
    if (now - this.#throttledLast > RELIEF_MS) this.#throttledSince = now;
    this.#throttledLast = now;
    if (now - this.#throttledSince > this.#options.throttleTime) {
      const seconds = Math.round(this.#options.throttleTime / 1_000);
      throw new GatehouseError(
        'rate_exceeded',
        `the device has been held back for ${seconds} seconds on end`,
      );
    }
    this.#options.onThrottle();
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#proceed();
    }, Math.ceil(wait));
  }
}

/** Whether one of these packets is SUBACK or UNSUBACK. */
function holdsAnswer(packets: Buffer): boolean {
  for (let at = 0; at < packets.length; ) {
    const type = (packets[at] ?? 0) >> 4;
    if (type === suback || type === unsuback) return true;
    const { length, size } = readLength(packets, at + 1) ?? { length: packets.length, size: 0 };
    at += 1 + size + length;
  }
  return false;
}
