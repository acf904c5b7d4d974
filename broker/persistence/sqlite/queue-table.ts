/**
 * The queues of all durable sessions: messages of QoS 1 and 2 that a session has not acknowledged, and PUBRELs that
 * wait for PUBCOMP, oldest first. Bounded for each session and in all: the oldest that were not sent make room for the
 * newest; what was sent is the window's to bound. Every method is called inside a transaction.
 */
import type { Database } from 'better-sqlite3';
import {
  type Appended,
  type Message,
  messageIdOf,
  type Page,
  type PageLimits,
  type QueueRow,
  type Receiver,
  type StoredEntry,
} from '../queue-entry.ts';
import type { SessionRecord } from '../session-record.ts';
import { readPage } from './queue-page.ts';
import { type EntryColumns, prepareQueue, type QueueStatements } from './queue-statements.ts';

/** What an entry takes besides topic and payload, about. */
export const ENTRY_BYTES = 128;
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
  /** The first place of each queue whose sending waits for the disk. */
  readonly #unsynced = new Map<SessionRecord, number>();

  constructor(options: QueueTableOptions) {
    this.#options = options;
    this.#sql = prepareQueue(options.database);
    this.#nextMessage = 1 + Number(this.#sql.lastMessage.get());
    this.#sql.limitSent.run();
    for (const { number, messages, bytes, last, sent } of this.#sql.totals.iterate()) {
      const session = options.sessions.get(number);
      if (session !== undefined) Object.assign(session, { messages, bytes, nextSeq: last + 1, sent });
      this.#bytes += bytes;
      this.#messages += messages;
    }
  }

  /** That wait in all, each counted for every session that it waits for. */
  get messages(): number {
    return this.#messages;
  }

  /** Of them: what `queuedBytes` bounds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether less than half of the queue is taken, with what is on its way to it: the rest is for what is new. */
  hasAmpleRoom(
    session: SessionRecord,
    onTheWay: { readonly messages: number; readonly bytes: number },
  ): boolean {
    const { queueMessages, queueBytes } = this.#options.limits;
    const messages = session.messages + onTheWay.messages;
    return messages < queueMessages / 2 && session.bytes + onTheWay.bytes < queueBytes / 2;
  }

  /** Puts the message at the end of each receiver's queue. Those who are connected and idle get it sent at once. */
  append(message: Message, receivers: readonly Receiver[]): Appended[] {
    const present = receivers.filter(({ session }) => !session.isDiscarded);
    if (present.length === 0) return [];
    const shared =
      present.length > 1 || message.brokerId !== null ? this.#share(message, present.length) : null;
    const appended: Appended[] = [];
    for (const receiver of present) {
      appended.push(this.#appendTo(receiver, message, shared));
      this.#makeRoom(receiver.session);
    }
    this.#makeRoomInAll();
    return appended;
  }

  /**
   * What waits behind `after`, with the body of each, and may be sent once the transaction is committed; nothing is changed.
   * It ends before what a power cut could still undo and its receiver would remember: a message of QoS 2, whose id would be
   * given to another message, and a PUBREL, after which its message would come again.
   */
  page(session: SessionRecord, after: number, limits: PageLimits): Page {
    const end = this.#unsynced.get(session) ?? Number.POSITIVE_INFINITY;
    return readPage({ sql: this.#sql, session, after, limits, end });
  }

  /** All that was changed by now would survive a power cut. */
  noteSynced(): void {
    this.#unsynced.clear();
  }

  /** From now on they may be sent: each has the message id that goes with its place, unless it has one. */
  markSent(session: SessionRecord, { entries }: Page): void {
    const last = entries.at(-1)?.seq ?? 0;
    if (last <= session.sent) return;
    session.sent = last;
    this.#sql.markSent.run(last, session.number);
  }

  /** PUBREC has come: the message is not needed any more. Others may still wait for its body. */
  release(session: SessionRecord, seq: number): void {
    const { number } = session;
    this.#giveUpBodies(number, seq, seq);
    this.#sql.release.run(number, seq);
    this.#noteUnsynced(session, seq);
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

  /** So many behind `after`. */
  entries(session: SessionRecord, after: number, count: number): StoredEntry[] {
    return this.#sql.entries.all(session.number, after, count).map((columns) => entryOf(columns, session));
  }

  find(session: SessionRecord, by: { readonly brokerId: string; readonly brokerCounter: number }) {
    const columns = this.#sql.find.get(session.number, by.brokerId, by.brokerCounter);
    return columns && entryOf(columns, session);
  }

  findSent(session: SessionRecord, messageId: number): StoredEntry | undefined {
    const columns = this.#sql.findSent.get(session.number, messageId, session.sent, messageId);
    return columns && entryOf(columns, session);
  }

  setMessageId(session: SessionRecord, { seq }: Pick<QueueRow, 'seq'>, messageId: number): void {
    this.#sql.setMessageId.run(messageId, session.number, seq);
  }

  /** Stores the body, for so many to wait for. Returns its number. */
  #share({ topic, payload, retain, brokerId, brokerCounter }: Message, receivers: number): number {
    const number = this.#nextMessage++;
    this.#sql.addMessage.run(number, receivers, topic, payload, retain ? 1 : 0, brokerId, brokerCounter);
    return number;
  }

  /** @param shared the number of the body; null where it is for this receiver alone, and stands with its place */
  #appendTo({ session, qos }: Receiver, message: Message, shared: number | null): Appended {
    const { delivery, number } = session;
    const { topic, payload, retain } = message;
    const bytes = ENTRY_BYTES + topic.length + payload.length;
    const seq = session.nextSeq++;
    const messageId = delivery?.admit({ seq, bytes, released: 0 }) ?? null;
    if (shared !== null) this.#sql.add.run(number, seq, messageId, qos, bytes, shared);
    else this.#sql.addWithBody.run(number, seq, messageId, qos, bytes, topic, payload, retain ? 1 : 0);
    this.#count(session, 1, bytes);
    if (qos === 2) this.#noteUnsynced(session, seq);
    const row: QueueRow = { seq, messageId, released: 0, qos: qos === 2 ? 2 : 1, bytes };
    return { row, delivery: messageId === null ? null : delivery };
  }

  #noteUnsynced(session: SessionRecord, seq: number): void {
    const first = this.#unsynced.get(session);
    if (first === undefined || seq < first) this.#unsynced.set(session, seq);
  }

  #makeRoom(session: SessionRecord): void {
    const { queueMessages, queueBytes } = this.#options.limits;
    let dropped = 0;
    while (session.messages > queueMessages || session.bytes > queueBytes) {
      const removed = this.#removeAll(session, this.#sql.oldestUnsent.all(session.number, session.sent, 1));
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
    const { number, sent, clientId } = biggest;
    onOverflow(this.#removeAll(biggest, this.#sql.oldestUnsent.all(number, sent, CHUNK)), clientId);
  }

  #removeAll(session: SessionRecord, seqs: readonly number[]): number {
    this.remove(session, seqs);
    return seqs.length;
  }

  #removeRun(session: SessionRecord, first: number, last: number): void {
    const { number } = session;
    const [messages, bytes, shared] = this.#sql.measure.get(number, first, last) ?? [0, 0, 0];
    if (messages === 0) return;
    if (shared > 0) this.#giveUpBodies(number, first, last);
    this.#sql.remove.run(number, first, last);
    this.#count(session, -messages, -bytes);
  }

  /** In this run of places nobody waits for those of `messages` any more. */
  #giveUpBodies(session: number, first: number, last: number): void {
    this.#sql.dropMessages.run(session, first, last);
    this.#sql.dropReferences.run(session, first, last);
  }

  #count(session: SessionRecord, messages: number, bytes: number): void {
    session.messages += messages;
    session.bytes += bytes;
    this.#messages += messages;
    this.#bytes += bytes;
  }
}

function entryOf(columns: EntryColumns, { sent }: SessionRecord): StoredEntry {
  const [seq, messageId, released, qos, bytes, topic, payload, retain, brokerId, brokerCounter] = columns;
  const given = messageId ?? (seq <= sent ? messageIdOf(seq) : null);
  return { seq, messageId: given, released, qos, bytes, topic, payload, retain, brokerId, brokerCounter };
}
