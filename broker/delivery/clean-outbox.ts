/**
 * A session that ends with its connection. What it was sent and has not acknowledged is bounded as with durable ones; what
 * waits for that is in memory alone. While too much waits, publishers do; where that does not help for `drainTime`, they go
 * on, and the oldest that waits makes room for the newest.
 */

import { MESSAGE_IDS } from '../persistence/queue-entry.ts';
import type { Subscriber } from '../persistence/session-record.ts';
import type { Approval } from '../persistence/subscription-index.ts';
import { Outbox, type OutboxOptions, type SendWindow } from './outbox.ts';
import type { Publication, QoS } from './publication.ts';

/** Of what waits: from here on publishers are held up. */
const HIGH_WATER = { messages: 1_000, bytes: 256 * 1_024 };
/** And from here on the oldest goes. */
const MOST = { messages: 10_000, bytes: 4 * 1_024 * 1_024 };

export interface CleanOutboxOptions extends OutboxOptions {
  readonly window: SendWindow;
  /** ms for which publishers wait for acknowledgements. */
  readonly drainTime: number;
  readonly onOverflow: (count: number) => void;
}

interface Waiting {
  readonly publication: Publication;
  readonly qos: QoS;
}

export class CleanOutbox extends Outbox implements Subscriber {
  readonly #options: CleanOutboxOptions;
  /** Bytes of what was sent and not acknowledged, by message id. */
  readonly #sent = new Map<number, number>();
  #sentBytes = 0;
  #lastId = 0;
  /** From `#next` on; what is before that has been sent. */
  #queue: Waiting[] = [];
  #next = 0;
  #queueBytes = 0;
  /** Publishers have waited for long enough, until all that waits has been sent. */
  #isLagging = false;
  #patience: NodeJS.Timeout | undefined;

  constructor(options: CleanOutboxOptions) {
    super(options);
    this.#options = options;
  }

  /** As a subscriber: it is there as long as its connection. */
  get delivery(): this | null {
    return this.isClosed ? null : this;
  }

  override deliver(publication: Publication, qos: QoS, approval?: Approval): void {
    if (qos === 0) this.sendAtOnce(publication, approval);
    else if (this.isClosed) return;
    else if (this.#waiting === 0 && this.#hasRoom()) this.#send(publication, qos, approval);
    else this.#keep(publication, qos);
  }

  override acknowledge(messageId: number): void {
    const bytes = this.#sent.get(messageId);
    if (bytes === undefined) return;
    this.#sent.delete(messageId);
    this.#sentBytes -= bytes;
    if (this.#waiting > 0) this.#sendWaiting();
  }

  /** Whatever it was for: a device that has received the message twice, or in an earlier session, goes on with PUBCOMP. */
  override release(_messageId: number): null {
    return null;
  }

  override close(): void {
    clearTimeout(this.#patience);
    this.#queue = [];
    this.#next = 0;
    super.close();
  }

  protected override onRoom(): void {
    this.#sendWaiting();
    super.onRoom();
  }

  protected override get awaitsTooMany(): boolean {
    return !this.#isLagging && this.#exceeds(HIGH_WATER);
  }

  get #waiting(): number {
    return this.#queue.length - this.#next;
  }

  #exceeds({ messages, bytes }: typeof HIGH_WATER): boolean {
    return this.#waiting > messages || this.#queueBytes > bytes;
  }

  #hasRoom(): boolean {
    const { window } = this.#options;
    return !this.output.isFull && this.#sent.size < window.sentMessages && this.#sentBytes < window.sentBytes;
  }

  #send(publication: Publication, qos: QoS, approval?: Approval): void {
    if (this.judge(publication.topic, approval) !== 'deliver') return;
    const messageId = this.#freeId();
    this.#sent.set(messageId, publication.size);
    this.#sentBytes += publication.size;
    this.sendAs(messageId, publication, qos);
  }

  /** There is one: the window is far smaller. */
  #freeId(): number {
    do this.#lastId = 1 + (this.#lastId % MESSAGE_IDS);
    while (this.#sent.has(this.#lastId));
    return this.#lastId;
  }

  #keep(publication: Publication, qos: QoS): void {
    this.watch();
    this.#queue.push({ publication: publication.own(), qos });
    this.#queueBytes += publication.size;
    const most = this.#isLagging ? HIGH_WATER : MOST;
    let dropped = 0;
    while (this.#waiting > 1 && this.#exceeds(most)) {
      this.#takeNext();
      dropped++;
    }
    if (dropped > 0) this.#options.onOverflow(dropped);
    if (this.awaitsTooMany) this.#patience ??= setTimeout(this.#giveUp, this.#options.drainTime).unref();
  }

  #sendWaiting(): void {
    while (this.#hasRoom()) {
      const waiting = this.#takeNext();
      if (waiting === undefined) break;
      this.#send(waiting.publication, waiting.qos);
    }
    if (this.#waiting > 0) this.watch();
    else this.#isLagging = false;
    if (this.awaitsTooMany) return;
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.relieve();
  }

  #takeNext(): Waiting | undefined {
    const waiting = this.#queue[this.#next];
    if (waiting === undefined) return undefined;
    this.#next++;
    this.#queueBytes -= waiting.publication.size;
    // Cut off once in a while: to shift each would move all the others.
    if (this.#next * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    return waiting;
  }

  readonly #giveUp = () => {
    this.#patience = undefined;
    this.#isLagging = true;
    this.relieve();
  };
}
