/**
 * What a durable session owns (MQTT 3.1.1 §3.1.2.4), the retained messages and the wills, in one SQLite file. What
 * every message asks for is in memory as well and read from there; the queues are on the disk alone. A promise resolves
 * once what it stands for would survive a power cut, or with `os` a crash of the process.
 */
import type { Database } from 'better-sqlite3';
import type { GatehouseError } from '../../core/errors.ts';
import { deviceOf } from '../client-id.ts';
import { AppliedRevocations } from './applied-revocations.ts';
import { Clearance } from './clearance.ts';
import { HalfReceived } from './half-received.ts';
import type { Appended, Message, Page, PageLimits, Receiver } from './queue-entry.ts';
import { RetainedMessages } from './retained-messages.ts';
import { RetainedWrites } from './retained-writes.ts';
import { SessionBook } from './session-book.ts';
import type { SessionRecord } from './session-record.ts';
import type { QueuedPacket } from './session-store.ts';
import { Checkpoints } from './sqlite/checkpoints.ts';
import { FileSync } from './sqlite/file-sync.ts';
import { GroupCommit } from './sqlite/group-commit.ts';
import { prepareMessages } from './sqlite/message-tables.ts';
import { openDatabase } from './sqlite/open-database.ts';
import { type QueueLimits, QueueTable, type QueueTableOptions } from './sqlite/queue-table.ts';
import type { Share } from './sqlite/rounds.ts';
import { prepareSessions, type SessionTables } from './sqlite/session-tables.ts';
import { SubscriptionIndex } from './subscription-index.ts';
import { Wills } from './wills.ts';

export interface SessionLimits extends QueueLimits {
  readonly halfReceived: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
}

export interface SessionDatabaseOptions {
  readonly file: string;
  /** `fsync`: what is acknowledged survives a power cut; `os`: a crash of the process. */
  readonly durability: 'fsync' | 'os';
  readonly limits: SessionLimits;
  /** Takes in the subscriptions; one of its own unless given. */
  readonly index?: SubscriptionIndex;
  readonly onOverflow: QueueTableOptions['onOverflow'];
  /** Nothing can be written any more, and whatever was not yet is refused. Called once. */
  readonly onFailure: (error: GatehouseError) => void;
}

export interface AppendOptions {
  readonly publisher?: string | undefined;
  readonly onCommitted?: (appended: readonly Appended[]) => void;
}

/** Both are called in the order of the changes: before what is appended behind the page. Neither may throw. */
export interface TakeHandlers {
  /** The page is read, and nothing else is appended yet: inside the transaction. */
  readonly onTaken: (page: Page) => void;
  /** It may be sent. Not called where the store fails, which it tells of. */
  readonly onCommitted: (page: Page) => void;
}

export class SessionDatabase {
  /** Of this start and no other, so that no message is ever given another's name. */
  readonly brokerId: string;
  readonly sessions: SessionBook;
  readonly retained: RetainedMessages;
  readonly wills: Wills;
  readonly revocations: AppliedRevocations;
  readonly queue: QueueTable;
  readonly #database: Database;
  readonly #commit: GroupCommit;
  readonly #wal: FileSync;
  readonly #file: FileSync;
  readonly #checkpoints: Checkpoints;
  readonly #tables: SessionTables;
  readonly #halfReceived: HalfReceived;
  readonly #clearance: Clearance;

  /** @throws GatehouseError `session_store_damaged`, `session_store_schema`, `session_store_failed`, `data_in_use` */
  constructor({
    file,
    durability,
    limits,
    index = new SubscriptionIndex(),
    onOverflow,
    onFailure,
  }: SessionDatabaseOptions) {
    const { database, boot } = openDatabase(file);
    this.brokerId = `boot-${boot}`;
    this.#database = database;
    const wal = new FileSync(`${file}-wal`); // one for as long as it is open; it has been written to
    this.#wal = wal;
    this.#file = new FileSync(file);
    this.#checkpoints = new Checkpoints({ database, wal, file: this.#file });
    const sync = durability === 'fsync' ? () => wal.sync() : null;
    this.#commit = new GroupCommit({
      database,
      sync,
      betweenRounds: () => this.#checkpoints.takeIfDue(),
      onDurable: () => this.queue.noteSynced(),
      onFailure,
    });
    this.#tables = prepareSessions(database);
    this.sessions = new SessionBook({ tables: this.#tables, commit: this.#commit, index });
    this.queue = new QueueTable({ database, limits, onOverflow, sessions: this.sessions.byNumber });
    this.#halfReceived = this.#loadHalfReceived(limits.halfReceived);
    const messages = prepareMessages(database);
    this.wills = new Wills({ tables: messages, commit: this.#commit, brokerId: this.brokerId });
    this.revocations = new AppliedRevocations({ database, commit: this.#commit });
    this.retained = new RetainedMessages(
      limits,
      new RetainedWrites({ tables: messages, commit: this.#commit }),
    );
    for (const { owner, ...row } of messages.retained.iterate())
      this.retained.restore(owner, asRetained(row));
    this.#clearance = new Clearance({ sessions: this.sessions, queue: this.queue, commit: this.#commit });
    for (const session of this.sessions.byNumber.values())
      if (session.isDiscarded) this.#clearance.add(session);
  }

  /** Why nothing can be written any more; null while it can. */
  get failure(): GatehouseError | null {
    return this.#commit.failure;
  }

  // The queues

  /**
   * Puts the message into the queue of each receiver. Resolves when it is durable.
   * @param options.publisher the client id of who has sent it, if anybody has
   * @param options.onCommitted called before, when it is safe from a crash of the process; must not throw
   */
  append(message: Message, receivers: readonly Receiver[], options: AppendOptions = {}): Promise<void> {
    const { publisher: clientId, onCommitted } = options;
    const share = clientId === undefined ? undefined : shareOf(clientId, receivers.length);
    this.#commit.post(() => this.queue.append(message, receivers), onCommitted, share);
    return this.#commit.flushOf(share?.publisher); // asked for together: one transaction
  }

  /** Resolves when the device of this client id may put more into queues; null where it may now. */
  roomOf(clientId: string): Promise<void> | null {
    return this.#commit.roomOf(deviceOf(clientId));
  }

  /**
   * The entries behind `after`, which may be sent from then on: each is marked with its message id. That a power cut may
   * take the mark away does no harm: the id follows from the place, and only DUP would be missing. Nor that it may take a
   * message of QoS 1 whose id then stands for another: its receiver does not remember the ids of such (§4.3.2).
   */
  take(session: SessionRecord, after: number, limits: PageLimits, handlers: TakeHandlers): void {
    this.#commit.post(() => {
      const page = this.queue.page(session, after, limits);
      this.queue.markSent(session, page);
      handlers.onTaken(page);
      return page;
    }, handlers.onCommitted);
  }

  /** Takes entries off the queue. No answer waits for it: what comes back after a crash is sent again. */
  acknowledge(session: SessionRecord, takeSeqs: () => readonly number[], onRemoved: () => void): void {
    this.#commit.post(() => this.queue.remove(session, takeSeqs()), onRemoved);
  }

  /** PUBREC has come for it: PUBREL stands in its place. */
  release(session: SessionRecord, seq: number): Promise<void> {
    return this.#commit.run(() => this.queue.release(session, seq));
  }

  /** Any other change of the queues. */
  change<Result>(change: (queue: QueueTable) => Result): Promise<Result> {
    return this.#commit.run(() => change(this.queue));
  }

  // Half-received messages

  /** @param session null where it is not to outlive the connection @throws GatehouseError `inflight_limit` */
  receive(
    session: SessionRecord | null,
    clientId: string,
    messageId: number,
    packet: QueuedPacket,
  ): Promise<void> {
    this.#halfReceived.add(clientId, messageId, packet);
    if (session === null) return Promise.resolve();
    return this.#commit.run(() => {
      if (!session.isDiscarded) this.#tables.receive(session, messageId);
    }, shareOf(clientId));
  }

  halfReceived(clientId: string, messageId: number): QueuedPacket | undefined {
    return this.#halfReceived.get(clientId, messageId);
  }

  /** Resolves when nothing will be taken for a repetition of it any more; false where there is none. */
  async complete(clientId: string, messageId: number): Promise<boolean> {
    if (!this.#halfReceived.release(clientId, messageId)) return false;
    const session = this.sessions.get(clientId);
    const share = shareOf(clientId); // behind what has received it
    if (session !== undefined) await this.#commit.run(() => this.#tables.release(session, messageId), share);
    return true;
  }

  async clearHalfReceived(clientId: string): Promise<void> {
    this.#halfReceived.clear(clientId);
    const session = this.sessions.get(clientId);
    const share = shareOf(clientId);
    if (session !== undefined) await this.#commit.run(() => this.#tables.clearHalfReceived(session), share);
  }

  // The whole

  /** What a publisher asks for from here on need not last together with what it asked for before. */
  separate(): void {
    this.#commit.separate();
  }

  /** Resolves when nothing of the session would be found again; its queue is cleared away behind the messages. */
  async discard(clientId: string): Promise<void> {
    this.#halfReceived.clear(clientId);
    this.wills.remove(clientId);
    const session = this.sessions.get(clientId);
    if (session === undefined) return;
    await this.sessions.discard(session);
    this.#clearance.add(session);
  }

  /** Resolves when all that was asked for is durable. */
  flush(): Promise<void> {
    return this.#commit.flush();
  }

  /** Resolves when all is durable that was asked for for the device of this client id, and what is no publisher's. */
  flushOf(clientId: string): Promise<void> {
    return this.#commit.flushOf(deviceOf(clientId));
  }

  /** What waits to be put into queues is not, and not acknowledged, unless it has begun: whoever has sent it will do so again. */
  abandon(): void {
    this.#commit.abandon();
  }

  /** After the last change. Leaves one file, with everything in it. Nothing happens where it is closed. */
  async close(): Promise<void> {
    if (!this.#database.open) return;
    if (this.failure === null) await this.flush().catch(() => {}); // onFailure has told of it
    await this.#commit.end();
    if (this.#checkpoints.isUnderWay) return; // the disk has failed: closing would remove the WAL
    this.#database.close();
    await Promise.all([this.#wal.close(), this.#file.close()]);
  }

  #loadHalfReceived(limit: number): HalfReceived {
    const halfReceived = new HalfReceived(limit);
    for (const { session: number, messageId } of this.#tables.halfReceived.iterate()) {
      const session = this.sessions.byNumber.get(number);
      if (session !== undefined) halfReceived.restore(session.clientId, messageId);
    }
    return halfReceived;
  }
}

/** All sessions of a device are one publisher. */
function shareOf(clientId: string, rows = 0): Share {
  return { publisher: deviceOf(clientId), rows };
}

function asRetained({ topic, qos, payload }: { topic: string; qos: 0 | 1 | 2; payload: Buffer }) {
  const packet = { cmd: 'publish', topic, payload, qos, retain: true, dup: false } as const;
  return { ...packet, brokerId: '', brokerCounter: 0 };
}
