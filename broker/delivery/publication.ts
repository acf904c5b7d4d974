/**
 * A message under way, with the bytes of a PUBLISH that says it (MQTT 3.1.1 §3.3). Those are used as they came wherever
 * they fit: QoS, DUP, RETAIN and the message id are written over them for each receiver. Only who gets a message of QoS 1
 * or 2 with QoS 0 needs other bytes, without a message id; they are made once for all of those.
 */
import { ownPayload } from '../persistence/own-payload.ts';
import { encodePublish, publishFlags } from './encode-packets.ts';

export type QoS = 0 | 1 | 2;

export interface PublicationText {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly toBeRetained?: boolean;
  /** Whether it is handed on as a retained message, to whoever has just subscribed. */
  readonly retained?: boolean;
}

/** Where a PUBLISH lies in `bytes`. */
export interface Place {
  readonly bytes: Buffer;
  readonly start: number;
  /** Behind topic and message id. */
  readonly payloadAt: number;
  readonly end: number;
}

interface Flags {
  readonly toBeRetained: boolean;
  readonly retained: boolean;
  /** Whether the bytes are its own alone. */
  readonly isOwn: boolean;
}

/** A run of bytes that is to be sent, all of it. */
export interface Wire {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

const MESSAGE_ID_BYTES = 2;

export class Publication {
  readonly topic: string;
  readonly qos: QoS;
  /** As a device said it: to be kept. Whoever has subscribed already is not told so [MQTT-3.3.1-9]. */
  readonly isToBeRetained: boolean;
  readonly #isRetained: boolean;
  #bytes: Buffer;
  #start: number;
  #payloadAt: number;
  #end: number;
  #withoutId: Buffer | undefined;
  #isOwn: boolean;

  private constructor(topic: string, qos: QoS, place: Place, flags: Flags) {
    this.topic = topic;
    this.qos = qos;
    this.isToBeRetained = flags.toBeRetained;
    this.#isRetained = flags.retained;
    this.#isOwn = flags.isOwn;
    this.#bytes = place.bytes;
    this.#start = place.start;
    this.#payloadAt = place.payloadAt;
    this.#end = place.end;
  }

  /** As it came in. */
  static received(topic: string, qos: QoS, place: Place, toBeRetained: boolean): Publication {
    return new Publication(topic, qos, place, { toBeRetained, retained: false, isOwn: false });
  }

  static of({ topic, payload, qos, toBeRetained = false, retained = false }: PublicationText): Publication {
    const bytes = encodePublish({ topic, payload, qos, messageId: 0 });
    const place = { bytes, start: 0, payloadAt: bytes.length - payload.length, end: bytes.length };
    return new Publication(topic, qos, place, { toBeRetained, retained, isOwn: true });
  }

  /** A view of it, for as long as this is under way. */
  get payload(): Buffer {
    return this.#bytes.subarray(this.#payloadAt, this.#end);
  }

  get payloadBytes(): number {
    return this.#end - this.#payloadAt;
  }

  /** Of the PUBLISH. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** What its sender gave it; only where its QoS is 1 or 2. */
  get messageId(): number {
    return this.#bytes.readUInt16BE(this.#payloadAt - MESSAGE_ID_BYTES);
  }

  /** In memory of its own: what waits must not keep all that came with it, up to 64 KiB. */
  own(): this {
    if (this.#isOwn) return this;
    this.#isOwn = true;
    this.#bytes = ownPayload(this.#bytes.subarray(this.#start, this.#end));
    this.#payloadAt -= this.#start;
    this.#end -= this.#start;
    this.#start = 0;
    return this;
  }

  /** What is to be sent for `qos`, which is at most its own; its first byte and its message id are still to be written. */
  wire(qos: QoS): Wire {
    if (qos > 0 || this.qos === 0) return { bytes: this.#bytes, start: this.#start, end: this.#end };
    const { topic, payload } = this;
    this.#withoutId ??= encodePublish({ topic, payload, qos: 0, messageId: 0 });
    return { bytes: this.#withoutId, start: 0, end: this.#withoutId.length };
  }

  /** The first byte of what is sent for the first time. */
  firstByte(qos: QoS): number {
    return publishFlags({ qos, retain: this.#isRetained, dup: false });
  }

  /** Where in its wire for QoS 1 and 2 the message id is. */
  get idOffset(): number {
    return this.#payloadAt - MESSAGE_ID_BYTES - this.#start;
  }
}
