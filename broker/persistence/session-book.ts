/** The durable sessions and their subscriptions: in memory, where every message asks for them, and in the store. */
import type { Subscription } from 'aedes';
import { SessionRecord } from './session-record.ts';
import type { GroupCommit } from './sqlite/group-commit.ts';
import type { SessionTables } from './sqlite/session-tables.ts';
import type { SubscriptionIndex } from './subscription-index.ts';

export interface SessionBookOptions {
  readonly tables: SessionTables;
  readonly commit: GroupCommit;
  /** Of the subscriptions of clean sessions, too. */
  readonly index: SubscriptionIndex;
}

export class SessionBook {
  readonly index: SubscriptionIndex;
  /** By number; those that are discarded too, until nothing is left of them. */
  readonly byNumber = new Map<number, SessionRecord>();
  readonly #options: SessionBookOptions;
  readonly #byClient = new Map<string, SessionRecord>();
  #nextNumber = 1;

  constructor(options: SessionBookOptions) {
    this.#options = options;
    const { tables, index } = options;
    this.index = index;
    for (const { number, clientId } of tables.sessions.iterate()) {
      const session = new SessionRecord(number, clientId ?? '');
      session.isDiscarded = clientId === null;
      this.#take(session);
    }
    for (const { session: number, filter, options: text } of tables.subscriptions.iterate()) {
      const session = this.byNumber.get(number);
      if (session !== undefined) this.#remember(session, { ...JSON.parse(text), topic: filter });
    }
  }

  get(clientId: string): SessionRecord | undefined {
    return this.#byClient.get(clientId);
  }

  all(): IterableIterator<SessionRecord> {
    return this.#byClient.values();
  }

  /** The session of this client id, which is begun where there is none. */
  open(clientId: string): SessionRecord {
    const known = this.#byClient.get(clientId);
    if (known !== undefined) return known;
    const session = new SessionRecord(this.#nextNumber, clientId);
    this.#take(session);
    this.#options.commit.post(() => this.#options.tables.add(session));
    return session;
  }

  async subscribe(session: SessionRecord, subscriptions: readonly Subscription[]): Promise<void> {
    const { commit, tables } = this.#options;
    for (const subscription of subscriptions) this.#remember(session, subscription);
    await commit.run(() => {
      if (session.isDiscarded) return;
      for (const { topic, ...options } of subscriptions)
        tables.subscribe(session, topic, JSON.stringify(options));
    });
  }

  async unsubscribe(session: SessionRecord, filters: readonly string[]): Promise<void> {
    const { commit, tables } = this.#options;
    const known = filters.filter((filter) => session.subscriptions.delete(filter));
    for (const filter of known) this.index.remove(session, filter);
    if (known.length === 0) return;
    await commit.run(() => {
      for (const filter of known) tables.unsubscribe(session, filter);
    });
  }

  /** Nobody finds it any more. Its queue is for others to clear away; then `forget` it. */
  async discard(session: SessionRecord): Promise<void> {
    const { commit, tables } = this.#options;
    session.isDiscarded = true;
    for (const filter of session.subscriptions.keys()) this.index.remove(session, filter);
    session.subscriptions.clear();
    this.#byClient.delete(session.clientId);
    await commit.run(() => tables.orphan(session));
  }

  /** Inside a transaction. */
  forget(session: SessionRecord): void {
    this.#options.tables.forget(session);
    this.byNumber.delete(session.number);
  }

  #take(session: SessionRecord): void {
    this.#nextNumber = Math.max(this.#nextNumber, session.number + 1);
    this.byNumber.set(session.number, session);
    if (!session.isDiscarded) this.#byClient.set(session.clientId, session);
  }

  #remember(session: SessionRecord, subscription: Subscription): void {
    const own = { ...subscription }; // Aedes goes on to change its own
    session.subscriptions.set(own.topic, own);
    this.index.add(session, own);
  }
}
