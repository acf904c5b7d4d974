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

interface Waiting {
  readonly messages: number;
  readonly bytes: number;
}

/** Shares of what may wait: from the first on publishers are held up, from the second on all of them, down to the third. */
const HIGH = 0.1;
const CRAMMED = 0.5;
const EASED = 0.25;

export interface CleanOutboxOptions extends OutboxOptions {
  readonly window: SendWindow;
  /** What may wait behind the window; the oldest makes room for the newest. */
  readonly most: Waiting;
  /** ms for which publishers wait for acknowledgements. */
  readonly drainTime: number;
}

interface Entry {
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
  #queue: Entry[] = [];
  #next = 0;
  #queueBytes = 0;
  /** Publishers have waited for long enough, until all that waits has been sent. */
  #isLagging = false;
  #isCrammed = false;
  #patience: NodeJS.Timeout | undefined;
  /** What was acknowledged since patience began anew. */
  #progress = { messages: 0, bytes: 0 };

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

  override isUnderWay(messageId: number): boolean {
    return this.#sent.has(messageId);
  }

  override acknowledge(messageId: number): void {
    const bytes = this.#sent.get(messageId);
    if (bytes === undefined) return;
    this.#sent.delete(messageId);
    this.#sentBytes -= bytes;
    this.#noteProgress(bytes);
    if (this.#waiting > 0) this.#sendWaiting();
  }

  /** Publishers wait on for whoever gets through much, and not for whoever acknowledges one message now and then. */
  #noteProgress(bytes: number): void {
    if (this.#patience === undefined) return;
    const { most } = this.#options;
    this.#progress.messages++;
    this.#progress.bytes += bytes;
    if (this.#progress.messages < HIGH * most.messages && this.#progress.bytes < HIGH * most.bytes) return;
    this.#progress = { messages: 0, bytes: 0 };
    this.#patience.refresh();
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
    return !this.#isLagging && this.#exceeds(HIGH);
  }

  protected override get isCrammed(): boolean {
    return this.#isCrammed;
  }

  get #waiting(): number {
    return this.#queue.length - this.#next;
  }

  #exceeds(share: number): boolean {
    const { messages, bytes } = this.#options.most;
    return this.#waiting > share * messages || this.#queueBytes > share * bytes;
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
    const most = this.#isLagging ? HIGH : 1;
    let dropped = 0;
    while (this.#waiting > 1 && this.#exceeds(most)) {
      this.#takeNext();
      dropped++;
    }
    if (dropped > 0) this.onOverflow(dropped);
    this.#isCrammed ||= this.#exceeds(CRAMMED);
    if (!this.awaitsTooMany || this.#patience !== undefined) return;
    this.#progress = { messages: 0, bytes: 0 };
    this.#patience = setTimeout(this.#giveUp, this.#options.drainTime).unref();
    this.freeOwner();
  }

  #sendWaiting(): void {
    while (this.#hasRoom()) {
      const waiting = this.#takeNext();
      if (waiting === undefined) break;
      this.#send(waiting.publication, waiting.qos);
    }
    if (this.#waiting > 0) this.watch();
    else this.#isLagging = false;
    const isEased = this.#isCrammed && !this.#exceeds(EASED);
    if (isEased) this.#isCrammed = false;
    if (this.awaitsTooMany) {
      if (isEased) this.relieve();
      return;
    }
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.relieve();
  }

  #takeNext(): Entry | undefined {
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
