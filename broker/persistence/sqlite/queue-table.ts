/**
 * The queues of all durable sessions: messages of QoS 1 and 2 that a session has not acknowledged, and PUBRELs that
 * wait for PUBCOMP, oldest first. Bounded for each session and in all: the oldest that were not sent make room for the
 * newest; what was sent is the window's to bound. Every method is called inside a transaction.
 */
import type { Database } from 'better-sqlite3';
import type { Appended, Message, Page, PageLimits, QueueEntry, QueueRow, Receiver } from '../queue-entry.ts';
import type { SessionRecord } from '../session-record.ts';
import { prepareQueue, type QueueStatements } from './queue-statements.ts';

/** What an entry takes besides topic and payload, about. */
const ENTRY_BYTES = 128;
/** Rows that are cleared away at one stroke. */
const CHUNK = 500;
export interface QueueLimits {
  /** Of one session. */
  readonly queueMessages: number;
  readonly queueBytes: number;
  /** Of all sessions together. */
  readonly queuedBytes: number;
}

export interface QueueTableOptions {
  readonly database: Database;
  readonly limits: QueueLimits;
  /** So many messages were dropped from the queue of this session, which was full. */
  readonly onOverflow: (count: number, clientId: string) => void;
  /** By number. */
  readonly sessions: ReadonlyMap<number, SessionRecord>;
}

export class QueueTable {
  readonly #options: QueueTableOptions;
  readonly #sql: QueueStatements;
  #nextMessage: number;
  #bytes = 0;
  #messages = 0;

  constructor(options: QueueTableOptions) {
    this.#options = options;
    this.#sql = prepareQueue(options.database);
    this.#nextMessage = 1 + Number(this.#sql.lastMessage.get());
    for (const { number, messages, bytes, last } of this.#sql.totals.iterate()) {
      const session = options.sessions.get(number);
      if (session !== undefined) Object.assign(session, { messages, bytes, nextSeq: last + 1 });
      this.#bytes += bytes;
      this.#messages += messages;
    }
  }

  /** That wait in all, each counted for every session that it waits for. */
  get messages(): number {
    return this.#messages;
  }

  /** Puts the message at the end of each receiver's queue. Those who are connected and idle get it sent at once. */
  append(message: Message, receivers: readonly Receiver[]): Appended[] {
    const present = receivers.filter(({ session }) => !session.isDiscarded);
    if (present.length === 0) return [];
    const { topic, payload, retain, brokerId, brokerCounter } = message;
    const number = this.#nextMessage++;
    this.#sql.addMessage.run(number, present.length, topic, payload, retain ? 1 : 0, brokerId, brokerCounter);
    const bytes = ENTRY_BYTES + topic.length + payload.length;
    const appended: Appended[] = [];
    for (const receiver of present) {
      appended.push(this.#appendTo(receiver, number, bytes));
      this.#makeRoom(receiver.session);
    }
    this.#makeRoomInAll();
    return appended;
  }

  /** What waits behind `after`, with the body of each; nothing is changed. */
  page({ number }: SessionRecord, after: number, limits: PageLimits): Page {
    const entries: QueueEntry[] = [];
    let bytes = 0;
    let isLast = true;
    for (const entry of this.#sql.page.iterate(number, after, limits.messages + 1)) {
      bytes += entry.bytes;
      isLast = entries.length < limits.messages && (bytes <= limits.bytes || entries.length === 0);
      if (!isLast) break;
      entries.push(entry);
    }
    return { entries, isLast };
  }

  /** From now on they may be sent: each gets the message id that goes with its place, unless it has one. */
  assign({ number }: SessionRecord, { entries }: Page): void {
    const [first, last] = [entries[0], entries.at(-1)];
    if (first !== undefined && last !== undefined) this.#sql.assign.run(number, first.seq, last.seq);
  }

  /** PUBREC has come: the message is not needed any more. */
  release(session: SessionRecord, { seq, message }: Pick<QueueRow, 'seq' | 'message'>): void {
    const { changes } = this.#sql.release.run(session.number, seq);
    // Once: others may still wait for the body.
    if (message !== null && changes > 0) this.#dropReference(message);
  }

  /** Takes entries off. Those that are not there any more do no harm. @param seqs in order */
  remove(session: SessionRecord, seqs: readonly number[]): void {
    let from = 0;
    seqs.forEach((seq, index) => {
      if (seqs[index + 1] === seq + 1) return;
      this.#removeRun(session, seqs[from] ?? seq, seq);
      from = index + 1;
    });
  }

  /** Clears a part of what a discarded session has left. False once there is nothing more. */
  clear(session: SessionRecord): boolean {
    return this.#removeAll(session, this.#sql.oldest.all(session.number, CHUNK)) === CHUNK;
  }

  // By what Aedes has for a name: its broker's id and counter, or the message id

  find(session: SessionRecord, by: { readonly brokerId: string; readonly brokerCounter: number }) {
    return this.#sql.find.get(session.number, by.brokerId, by.brokerCounter);
  }

  findSent(session: SessionRecord, messageId: number): QueueEntry | undefined {
    return this.#sql.findSent.get(session.number, messageId);
  }

  setMessageId(session: SessionRecord, { seq }: Pick<QueueRow, 'seq'>, messageId: number): void {
    this.#sql.setMessageId.run(messageId, session.number, seq);
  }

  #appendTo({ session, qos }: Receiver, message: number, bytes: number): Appended {
    const { delivery } = session;
    const seq = session.nextSeq++;
    const messageId = delivery?.admit({ seq, bytes, message }) ?? null;
    this.#sql.add.run(session.number, seq, messageId, qos, bytes, message);
    this.#count(session, 1, bytes);
    const row: QueueRow = { seq, messageId, released: 0, qos: qos === 2 ? 2 : 1, bytes, message };
    return { row, delivery: messageId === null ? null : delivery };
  }

  #makeRoom(session: SessionRecord): void {
    const { queueMessages, queueBytes } = this.#options.limits;
    let dropped = 0;
    while (session.messages > queueMessages || session.bytes > queueBytes) {
      const removed = this.#removeAll(session, this.#sql.oldestUnsent.all(session.number, 1));
      if (removed === 0) break;
      dropped += removed;
    }
    if (dropped > 0) this.#options.onOverflow(dropped, session.clientId);
  }

  /** Whoever has most makes room, and for a while: so it need not be looked for with each message. */
  #makeRoomInAll(): void {
    const { limits, sessions, onOverflow } = this.#options;
    if (this.#bytes <= limits.queuedBytes) return;
    let biggest: SessionRecord | undefined;
    for (const session of sessions.values()) if (session.bytes > (biggest?.bytes ?? 0)) biggest = session;
    if (biggest === undefined) return;
    onOverflow(this.#removeAll(biggest, this.#sql.oldestUnsent.all(biggest.number, CHUNK)), biggest.clientId);
  }

  #removeAll(session: SessionRecord, seqs: readonly number[]): number {
    this.remove(session, seqs);
    return seqs.length;
  }

  #removeRun(session: SessionRecord, first: number, last: number): void {
    for (const { message, bytes } of this.#sql.remove.all(session.number, first, last)) {
      if (message !== null) this.#dropReference(message);
      this.#count(session, -1, -bytes);
    }
  }

  #dropReference(message: number): void {
    if (this.#sql.dropMessage.run(message).changes === 0) this.#sql.dropReference.run(message);
  }

  #count(session: SessionRecord, messages: number, bytes: number): void {
    session.messages += messages;
    session.bytes += bytes;
    this.#messages += messages;
    this.#bytes += bytes;
  }
}
