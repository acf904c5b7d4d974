/**
 * Sends a durable session what waits in its queue, in order, as long as it is connected. New messages are sent as
 * soon as they are durable while the session keeps up; where it does not, they stay in the queue and are read from
 * there, a page at a time, as it acknowledges. So what it costs in memory is the window and not the queue, and a
 * session that does not read holds up nobody.
 */
import {
  MESSAGE_IDS,
  messageIdOf,
  type Page,
  type QueueEntry,
  type QueueRow,
} from '../persistence/queue-entry.ts';
import type { SessionDatabase } from '../persistence/session-database.ts';
import type { Delivery, SessionRecord } from '../persistence/session-record.ts';
import type { Approval } from '../persistence/subscription-index.ts';
import { writePublish } from './encode-packets.ts';
import type { Intake } from './intake.ts';
import { Outbox, type OutboxOptions, type SendWindow, type Verdict } from './outbox.ts';
import type { Publication, QoS } from './publication.ts';

export interface DurableOutboxOptions extends OutboxOptions {
  readonly session: SessionRecord;
  readonly database: SessionDatabase;
  readonly intake: Intake;
  readonly window: SendWindow;
}

type Sent = Pick<QueueRow, 'seq' | 'bytes' | 'released'>;

export class DurableOutbox extends Outbox implements Delivery {
  readonly #options: DurableOutboxOptions;
  /** By message id, the oldest first. */
  readonly #sent = new Map<number, Sent>();
  #sentBytes = 0;
  /** Everything up to here has been taken out of the queue's table. */
  #cursor = 0;
  /** Nothing waits behind the cursor. */
  #keepsUp = false;
  #isTaking = false;
  #acknowledged: number[] = [];
  /** Retained messages on their way into the queue. */
  readonly #replayed = { messages: 0, bytes: 0 };
  /** Lets what is retained go on. */
  #resumeReplay: (() => void) | undefined;
  /** Of the message that was judged last. */
  #last: { readonly topic: string; readonly approval: Approval } = {
    topic: '',
    approval: { allowedBy: null },
  };

  constructor(options: DurableOutboxOptions) {
    super(options);
    this.#options = options;
    options.session.delivery = this;
  }

  /** Sends what the last connection left unacknowledged, under the same message ids [MQTT-4.4.0-1], and what is new. */
  start(): void {
    this.#take();
  }

  /** The connection is over. What was not acknowledged stays in the queue. */
  override close(): void {
    const { session } = this.#options;
    if (session.delivery === this) session.delivery = null;
    super.close();
    this.#considerReplay();
  }

  /** Of QoS 0: what it is owed comes by its queue. */
  override deliver(publication: Publication, _qos: QoS, approval?: Approval): void {
    this.sendAtOnce(publication, approval);
  }

  /** In parts, as it acknowledges: there may be more than its queue holds, and none is to push another out. */
  override deliverRetained(text: Parameters<Outbox['deliverRetained']>[0], qos: QoS): Promise<void> | null {
    if (qos === 0) return super.deliverRetained(text, qos);
    const { session, intake } = this.#options;
    const bytes = text.topic.length + text.payload.length;
    this.#replayed.messages++;
    this.#replayed.bytes += bytes;
    intake.queueRetained(session, text, qos).then(
      () => {
        this.#replayed.messages--;
        this.#replayed.bytes -= bytes;
        this.#considerReplay();
      },
      () => {}, // the store tells of it
    );
    if (this.#hasRoomForReplay) return null;
    return new Promise((resolve) => {
      this.#resumeReplay = resolve;
    });
  }

  get #hasRoomForReplay(): boolean {
    const { session, database, window } = this.#options;
    return this.#replayed.bytes < window.sentBytes && database.queue.hasAmpleRoom(session, this.#replayed);
  }

  #considerReplay(): void {
    if (this.#resumeReplay === undefined || !(this.isClosed || this.#hasRoomForReplay)) return;
    const resume = this.#resumeReplay;
    this.#resumeReplay = undefined;
    resume();
  }

  admit(row: Sent): number | null {
    if (!this.#keepsUp) return null;
    this.#keepsUp = !this.isClosed && !this.output.isFull && this.#room(row.seq) > 0;
    if (!this.#keepsUp) {
      this.watch();
      return null;
    }
    const messageId = messageIdOf(row.seq);
    this.#note(messageId, row);
    return messageId;
  }

  send(entries: readonly QueueEntry[]): void {
    for (const entry of entries) {
      if (this.isClosed) return;
      const verdict = entry.topic === null ? 'deliver' : this.#judgeOf(entry.topic);
      if (verdict === 'stop') this.close();
      else if (verdict === 'drop') this.#withdraw(entry);
      else this.#write(entry);
    }
    this.watch();
  }

  override isUnderWay(messageId: number): boolean {
    return this.#sent.has(messageId);
  }

  override acknowledge(messageId: number): void {
    const sent = this.#sent.get(messageId);
    if (sent === undefined) return;
    this.#sent.delete(messageId);
    this.#sentBytes -= sent.bytes;
    if (this.#acknowledged.length === 0) {
      const { database, session } = this.#options;
      const takeSeqs = () => this.#acknowledged.splice(0).sort((one, other) => one - other);
      database.acknowledge(session, takeSeqs, () => this.#considerReplay());
    }
    this.#acknowledged.push(sent.seq);
    this.#take();
  }

  /** After a crash PUBREL would be sent again, and not the message. */
  override release(messageId: number): Promise<void> | null {
    const sent = this.#sent.get(messageId);
    if (sent === undefined) return null;
    const { database, session } = this.#options;
    if (sent.released === 1) return database.flushOf(session.clientId); // it may be on its way there
    this.#sent.set(messageId, { seq: sent.seq, bytes: sent.bytes, released: 1 });
    return database.release(session, sent.seq);
  }

  protected override onRoom(): void {
    this.#take();
    super.onRoom();
  }

  /**
   * It may not be sent any more. Of QoS 2 and sent before, its receiver may remember the id and would take the next message of
   * that id for this one (§4.3.3): PUBREL lets it forget.
   */
  #withdraw({ seq, messageId, qos }: QueueEntry): void {
    const id = messageId ?? messageIdOf(seq);
    if (qos !== 2 || messageId === null) this.acknowledge(id);
    else {
      this.release(id)?.then(
        () => this.sendRelease(id),
        () => {}, // the store tells of it
      );
    }
  }

  #write({ seq, messageId, released, qos, topic, payload, retain }: QueueEntry): void {
    const id = messageId ?? messageIdOf(seq);
    if (released === 1) {
      this.sendRelease(id);
      return;
    }
    writePublish(this.output, {
      topic: topic ?? '',
      payload: Buffer.isBuffer(payload) ? payload : Buffer.from(payload ?? ''),
      qos: qos === 2 ? 2 : 1,
      retain: retain === 1,
      dup: messageId !== null, // [MQTT-3.3.1-1]
      messageId: id,
    });
  }

  /** One topic after another is often the same: so is what is remembered of it. */
  #judgeOf(topic: string): Verdict {
    if (topic !== this.#last.topic) this.#last = { topic, approval: { allowedBy: null } };
    return this.judge(topic, this.#last.approval);
  }

  /** Reads the next page once half of the window is free: rarely, and then many at once. */
  #take(): void {
    const { database, session, window } = this.#options;
    this.watch();
    if (this.#keepsUp || this.#isTaking || this.output.isFull || this.isClosed) return;
    if (this.#sent.size > window.sentMessages / 2 || this.#sentBytes > window.sentBytes / 2) return;
    const messages = this.#room(this.#cursor + 1);
    if (messages < window.sentMessages / 2) return;
    this.#isTaking = true;
    const limits = { messages, bytes: window.sentBytes - this.#sentBytes };
    database.take(session, this.#cursor, limits, {
      onTaken: (page) => this.#noteTaken(page),
      onCommitted: ({ entries }) => {
        this.#isTaking = false;
        this.send(entries);
        this.#take();
      },
    });
  }

  #noteTaken({ entries, isLast }: Page): void {
    for (const entry of entries) this.#note(entry.messageId ?? messageIdOf(entry.seq), entry);
    this.#keepsUp = isLast;
  }

  #note(messageId: number, { seq, bytes, released }: Sent): void {
    this.#cursor = seq;
    this.#sent.set(messageId, { seq, bytes, released });
    this.#sentBytes += bytes;
  }

  /** How many more may be sent, the first of them at `seq`: no two that are under way may share a message id. */
  #room(seq: number): number {
    const { window } = this.#options;
    if (this.#sentBytes >= window.sentBytes) return 0;
    const [oldest] = this.#sent.values();
    const idsLeft = MESSAGE_IDS - (oldest === undefined ? 0 : seq - oldest.seq);
    return Math.min(window.sentMessages - this.#sent.size, idsLeft);
  }
}
