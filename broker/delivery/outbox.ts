/**
 * What goes out to one session while it is connected. Messages of QoS 0 leave at once; those of QoS 1 and 2 are its kinds'
 * to keep. Whoever publishes to a session that cannot take more is held up with it, for a while; but nobody by whose
 * acknowledgements others could go on, since these are behind what it publishes, and all would wait for one another.
 */
import type { Output } from '../front/output.ts';
import type { Approval } from '../persistence/subscription-index.ts';
import { reply, writeReply } from './encode-packets.ts';
import { Publication, type PublicationText, type QoS } from './publication.ts';

/** Deliver it, take it off the queue, or leave it there: the session has no right to be here any more. */
export type Verdict = 'deliver' | 'drop' | 'stop';

/** By the policy of the moment. @param approval remembers which grants allowed it */
export type Judge = (topic: string, approval?: Approval) => Verdict;

/** Somebody who publishes, as far as it can be held up: by as many as called `hold`, until each has called `release`. */
export interface Sender {
  hold(): void;
  release(): void;
}

/** What is sent and not acknowledged: MQTT 3.1.1 sets no bound (§4.4). */
export interface SendWindow {
  readonly sentMessages: number;
  readonly sentBytes: number;
}

export interface OutboxOptions {
  readonly output: Output;
  readonly judge: Judge;
  /** So many messages were dropped since too much waited. */
  readonly onOverflow: (count: number) => void;
  /** The session's own device. */
  readonly owner?: Sender | undefined;
}

/** What is sent beyond this is thrown away: those who send so much cannot be held up. */
const MOST_WAITING_BYTES = 16 * 1_024 * 1_024;

export abstract class Outbox {
  protected readonly output: Output;
  protected readonly judge: Judge;
  protected readonly onOverflow: (count: number) => void;
  readonly #owner: Sender | undefined;
  /** Of those who wait for this one. */
  readonly #held = new Set<Outbox>();
  /** Those that keep its own device waiting. */
  readonly #holders = new Set<Outbox>();
  /** Wait for room. */
  #waiters: (() => void)[] = [];
  #isWatching = false;
  #isClosed = false;

  constructor({ output, judge, onOverflow, owner }: OutboxOptions) {
    this.output = output;
    this.judge = judge;
    this.onOverflow = onOverflow;
    this.#owner = owner;
  }

  /** Whether something was sent under this id, and is not acknowledged. */
  abstract isUnderWay(messageId: number): boolean;

  /** PUBACK or PUBCOMP has come. */
  abstract acknowledge(messageId: number): void;

  /** PUBREC has come. Resolves when PUBREL may be sent; null where it may at once. */
  abstract release(messageId: number): Promise<void> | null;

  /** @param qos that it gets, at most the message's own */
  abstract deliver(publication: Publication, qos: QoS, approval?: Approval): void;

  /**
   * What is kept of a topic that it has just subscribed to. Resolves when the next may come; null where it may at once.
   * @param qos that it gets, at most the message's own
   */
  deliverRetained(text: Omit<PublicationText, 'toBeRetained' | 'retained'>, qos: QoS): Promise<void> | null {
    this.deliver(Publication.of({ ...text, retained: true }), qos);
    return null;
  }

  /** Whether it waits for acknowledgements, beyond what it may keep. */
  protected get awaitsTooMany(): boolean {
    return false;
  }

  /** Whether it awaits so many that it makes even those wait whose acknowledgements others wait for. */
  protected get isCrammed(): boolean {
    return false;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The connection is over. */
  close(): void {
    this.#isClosed = true;
    this.relieve();
  }

  /** Nothing more is to be sent to it now, if that can be helped: then the device waits that `origin` sends to. */
  holdUp(origin: Outbox): void {
    if (this.#held.has(origin) || !this.#isToWait(origin)) return;
    this.#held.add(origin);
    origin.#holders.add(this);
    origin.#owner?.hold();
    this.watch();
  }

  /** Resolves when it can take more, or is closed. */
  room(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.isBusy) resolve();
      else if (this.#waiters.push(resolve) === 1) this.watch();
    });
  }

  /** Whether nothing more should be sent to it now, if that can be helped. */
  get isBusy(): boolean {
    return !this.#isClosed && (this.output.isFull || this.awaitsTooMany);
  }

  #isToWait(origin: Outbox): boolean {
    if (!this.isBusy) return false;
    if (this.output.isFull) return true;
    return origin !== this && (this.isCrammed || !origin.awaitsTooMany);
  }

  /** Lets those go on who are held up and need not be any more; in turn, since each may fill it again. */
  protected relieve(): void {
    if (this.#isClosed || !this.output.isFull) {
      for (const origin of [...this.#held]) this.#reconsider(origin);
    }
    if (this.isBusy) {
      this.watch();
      return;
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  #reconsider(origin: Outbox): void {
    if (this.#isToWait(origin) || !this.#held.delete(origin)) return;
    origin.#holders.delete(this);
    origin.#owner?.release();
  }

  /** It begins to await too many: its own device is not to wait for others' acknowledgements any more. */
  protected freeOwner(): void {
    if (this.#holders.size === 0) return;
    // Not within the delivery of a message: its device may be the one that this is the turn of.
    queueMicrotask(() => {
      for (const holder of [...this.#holders]) holder.#reconsider(this);
    });
  }

  /** There is room in the output again, which was full when `watch` was called. */
  protected onRoom(): void {
    this.relieve();
  }

  protected watch(): void {
    if (this.#isWatching || !this.output.isFull) return;
    this.#isWatching = true;
    this.output.whenRoom(() => {
      this.#isWatching = false;
      this.onRoom();
    });
  }

  protected sendAtOnce(publication: Publication, approval?: Approval): void {
    if (this.#isClosed) return;
    if (this.output.length > MOST_WAITING_BYTES) {
      this.onOverflow(1);
      return;
    }
    if (this.judge(publication.topic, approval) !== 'deliver') return;
    const { bytes, start, end } = publication.wire(0);
    const at = this.output.append(bytes, start, end);
    this.output.bytes[at] = publication.firstByte(0);
  }

  /** For the first time. */
  protected sendAs(messageId: number, publication: Publication, qos: QoS): void {
    const { bytes, start, end } = publication.wire(qos);
    const at = this.output.append(bytes, start, end);
    const out = this.output.bytes;
    out[at] = publication.firstByte(qos);
    const idAt = at + publication.idOffset;
    out[idAt] = messageId >> 8;
    out[idAt + 1] = messageId & 0xff;
  }

  protected sendRelease(messageId: number): void {
    writeReply(this.output, reply.pubrel, messageId);
  }
}
