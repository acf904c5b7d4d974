/**
 * Sends a durable session what waits in its queue, in order, as long as it is connected. New messages are sent as
 * soon as they are durable while the session keeps up; where it does not, they stay in the queue and are read from
 * there, a page at a time, as it acknowledges. So what it costs in memory is the window and not the queue, and a
 * session that does not read holds up nobody.
 */
import type { Duplex } from 'node:stream';
import {
  MESSAGE_IDS,
  messageIdOf,
  type Page,
  type QueueEntry,
  type QueueRow,
} from '../persistence/queue-entry.ts';
import type { SessionDatabase } from '../persistence/session-database.ts';
import type { Delivery, SessionRecord } from '../persistence/session-record.ts';
import { encodePackets, type Outgoing } from './encode-packets.ts';

/** What is sent and not acknowledged: MQTT 3.1.1 sets no bound (§4.4). */
export interface SendWindow {
  readonly sentMessages: number;
  readonly sentBytes: number;
}

/** Deliver it, take it off the queue, or leave it there: the session has no right to be here any more. */
export type Verdict = 'deliver' | 'drop' | 'stop';

export interface OutboxOptions {
  readonly session: SessionRecord;
  readonly database: SessionDatabase;
  /** To the device. */
  readonly stream: Duplex;
  readonly window: SendWindow;
  /** By the policy of the moment. */
  readonly judge: (topic: string) => Verdict;
}

type Sent = Pick<QueueRow, 'seq' | 'bytes' | 'message'>;

export class Outbox implements Delivery {
  readonly #options: OutboxOptions;
  /** By message id, the oldest first. */
  readonly #sent = new Map<number, Sent>();
  #sentBytes = 0;
  /** Everything up to here has been taken out of the queue's table. */
  #cursor = 0;
  /** Nothing waits behind the cursor. */
  #keepsUp = false;
  #isTaking = false;
  #isBlocked = false;
  #isClosed = false;
  #acknowledged: number[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
    options.session.delivery = this;
  }

  /** Sends what the last connection left unacknowledged, under the same message ids [MQTT-4.4.0-1], and what is new. */
  start(): void {
    this.#take();
  }

  /** The connection is over. What was not acknowledged stays in the queue. */
  close(): void {
    this.#isClosed = true;
    const { session } = this.#options;
    if (session.delivery === this) session.delivery = null;
  }

  admit(row: Sent): number | null {
    if (!this.#keepsUp) return null;
    this.#keepsUp = !this.#isClosed && !this.#isBlocked && this.#room(row.seq) > 0;
    if (!this.#keepsUp) return null;
    const messageId = messageIdOf(row.seq);
    this.#note(messageId, row);
    return messageId;
  }

  send(entries: readonly QueueEntry[]): void {
    const { stream, judge } = this.#options;
    if (this.#isClosed || stream.destroyed) return;
    const packets: Outgoing[] = [];
    for (const entry of entries) {
      const verdict = entry.topic === null ? 'deliver' : judge(entry.topic);
      if (verdict === 'stop') {
        this.close();
        return;
      }
      if (verdict === 'deliver') packets.push(packetOf(entry));
      else this.acknowledge(messageIdOf(entry.seq));
    }
    if (packets.length === 0 || stream.write(encodePackets(packets)) || this.#isBlocked) return;
    this.#isBlocked = true;
    stream.once('drain', () => {
      this.#isBlocked = false;
      this.#take();
    });
  }

  /** PUBACK or PUBCOMP. */
  acknowledge(messageId: number): void {
    const sent = this.#sent.get(messageId);
    if (sent === undefined) return;
    this.#sent.delete(messageId);
    this.#sentBytes -= sent.bytes;
    if (this.#acknowledged.length === 0) {
      const { database, session } = this.#options;
      database.acknowledge(session, () => this.#acknowledged.splice(0).sort((one, other) => one - other));
    }
    this.#acknowledged.push(sent.seq);
    this.#take();
  }

  /** PUBREC. Resolves when PUBREL may be sent: after a crash it would be sent again, and not the message. */
  async release(messageId: number): Promise<void> {
    const sent = this.#sent.get(messageId);
    if (sent === undefined) return;
    const { database, session } = this.#options;
    const { seq, message } = sent;
    this.#sent.set(messageId, { ...sent, message: null });
    if (message !== null) await database.release(session, { seq, message });
  }

  /** Reads the next page once half of the window is free: rarely, and then many at once. */
  #take(): void {
    const { database, session, window } = this.#options;
    const isIdle = this.#keepsUp || this.#isTaking || this.#isBlocked || this.#isClosed;
    const messages = this.#room(this.#cursor + 1);
    if (isIdle || messages < window.sentMessages / 2 || this.#sentBytes > window.sentBytes / 2) return;
    this.#isTaking = true;
    const limits = { messages, bytes: window.sentBytes - this.#sentBytes };
    database
      .take(session, this.#cursor, limits, (page) => this.#noteTaken(page))
      .then(
        ({ entries }) => {
          this.#isTaking = false;
          this.send(entries);
          this.#take();
        },
        () => this.close(), // the store has told of it
      );
  }

  #noteTaken({ entries, isLast }: Page): void {
    for (const entry of entries) this.#note(entry.messageId ?? messageIdOf(entry.seq), entry);
    this.#keepsUp = isLast;
  }

  #note(messageId: number, { seq, bytes, message }: Sent): void {
    this.#cursor = seq;
    this.#sent.set(messageId, { seq, bytes, message });
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

function packetOf({ seq, messageId, released, qos, topic, payload, retain }: QueueEntry): Outgoing {
  if (released === 1) return { cmd: 'pubrel', messageId: messageId ?? messageIdOf(seq) };
  return {
    cmd: 'publish',
    topic: topic ?? '',
    payload: Buffer.isBuffer(payload) ? payload : Buffer.from(payload ?? ''),
    qos: qos === 2 ? 2 : 1,
    retain: retain === 1,
    dup: messageId !== null, // [MQTT-3.3.1-1]
    messageId: messageId ?? messageIdOf(seq),
  };
}
