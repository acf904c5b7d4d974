/**
 * The session store as Aedes sees it, with what that leaves open closed: a filter that was denied is never stored,
 * subscriptions have a bound, and messages are not for Aedes to hand on.
 */
import { Readable } from 'node:stream';
import type { Subscription } from 'aedes';
import type { BrokerLimits } from '../limits.ts';
import { DurableStore } from './durable-store.ts';
import type { RetainedMessages } from './retained-messages.ts';
import type { SessionDatabase } from './session-database.ts';
import type { SessionKey } from './session-store.ts';

export interface GuardedStoreOptions {
  readonly database: SessionDatabase;
  /** Whether the policy lets this client subscribe to this filter at this moment. */
  readonly isGranted: (client: SessionKey, filter: string) => boolean;
  readonly limits: BrokerLimits;
}

/** What it holds. */
export interface StoreFigures {
  readonly retainedMessages: number;
  /** Messages that wait for durable sessions. */
  readonly queuedMessages: number;
  /** Of them, with what each place in a queue takes. */
  readonly queuedBytes: number;
}

export class GuardedStore extends DurableStore {
  readonly #options: GuardedStoreOptions;
  /**
   * The subscriptions of a SUBSCRIBE that are in effect, with the number of the last retained message from before: those behind
   * it come by the subscription. Aedes asks once for each filter to store all of them.
   */
  readonly #stored = new WeakMap<readonly Subscription[], number>();

  constructor(options: GuardedStoreOptions) {
    super(options.database);
    this.#options = options;
  }

  get retained(): RetainedMessages {
    return this.database.retained;
  }

  // Subscriptions

  /** Whether this filter is stored for the client already, or may be. */
  mayStore({ id }: SessionKey, filter: string): boolean {
    const { subscriptions } = this.database.sessions.get(id) ?? { subscriptions: new Map() };
    return subscriptions.has(filter) || subscriptions.size < this.#options.limits.subscriptionsPerSession;
  }

  override async addSubscriptions(client: SessionKey, subscriptions: readonly Subscription[]): Promise<void> {
    if (this.#stored.has(subscriptions)) return;
    this.#stored.set(subscriptions, this.retained.lastNumber);
    const { isGranted, limits } = this.#options;
    const filters = new Set(this.database.sessions.get(client.id)?.subscriptions.keys());
    const kept = subscriptions.filter(({ topic }) => {
      if (!isGranted(client, topic)) return false;
      if (filters.size < limits.subscriptionsPerSession) filters.add(topic);
      return filters.has(topic);
    });
    if (kept.length > 0) await super.addSubscriptions(client, kept);
  }

  /** The number of the last retained message from before they were stored; undefined where they were not. */
  retainedBefore(subscriptions: readonly Subscription[]): number | undefined {
    return this.#stored.get(subscriptions);
  }

  /** Aedes asks for it at CONNECT with clean session 1: whatever the session had is gone then [MQTT-3.1.2-6]. */
  override async cleanSubscriptions({ id }: SessionKey): Promise<void> {
    await this.discard(id);
  }

  figures(): StoreFigures {
    const { messages: queuedMessages, bytes: queuedBytes } = this.database.queue;
    return { retainedMessages: this.retained.count, queuedMessages, queuedBytes };
  }

  /** Removes all that is kept for this client id: subscriptions, queue, half-received messages, will. */
  discard(clientId: string): Promise<void> {
    return this.database.discard(clientId);
  }

  /** For Aedes to hand to nobody: outboxes do it. */
  override createRetainedStreamCombi(_filters: readonly string[]): Readable {
    return Readable.from([]);
  }
}
