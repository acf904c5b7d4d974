/**
 * The session store with what Aedes leaves open closed: a filter that was denied is never stored, a packet is
 * taken off a queue only if it is the one that was meant, all that a device may leave here has a bound, and a
 * session can be discarded whole. Subscriptions and wills are kept by the store that Aedes brings along.
 */
import { Readable } from 'node:stream';
import type { AedesPublishPacket, Subscription } from 'aedes';
import MemoryPersistence from 'aedes-persistence/asyncPersistence.js';
import { deviceOf } from '../front/client-id.ts';
import type { BrokerLimits } from '../limits.ts';
import type { StoreFigures } from '../system-topics/broker-figures.ts';
import { HalfReceived } from './half-received.ts';
import { MessageQueue } from './message-queue.ts';
import { ownPayload } from './own-payload.ts';
import { RetainedMessages } from './retained-messages.ts';
import type { QueuedPacket, SessionKey } from './session-store.ts';

export interface GuardedStoreOptions {
  /** Whether the policy lets this client subscribe to this filter at this moment. */
  readonly isGranted: (client: SessionKey, filter: string) => boolean;
  readonly limits: BrokerLimits;
  /** So many messages were dropped from a queue that was full. */
  readonly onOverflow: (count: number) => void;
}

export class GuardedStore extends MemoryPersistence {
  readonly retained: RetainedMessages;
  readonly #options: GuardedStoreOptions;
  readonly #halfReceived: HalfReceived;
  /** Client id → the filters that are stored for it; none for those without. */
  readonly #filters = new Map<string, Set<string>>();
  /** Client id → what waits for it; none for those for whom nothing does. */
  readonly #queues = new Map<string, MessageQueue>();
  /** Aedes asks once for each filter of a SUBSCRIBE to store all of them. */
  readonly #stored = new WeakSet<readonly Subscription[]>();

  constructor(options: GuardedStoreOptions) {
    super();
    this.#options = options;
    this.#halfReceived = new HalfReceived(options.limits.halfReceived);
    this.retained = new RetainedMessages(options.limits);
  }

  // Subscriptions

  /** Whether this filter is stored for the client already, or may be. */
  mayStore({ id }: SessionKey, filter: string): boolean {
    const filters = this.#filters.get(id);
    if (filters === undefined || filters.has(filter)) return true;
    return filters.size < this.#options.limits.subscriptionsPerSession;
  }

  override async addSubscriptions(client: SessionKey, subscriptions: readonly Subscription[]): Promise<void> {
    if (this.#stored.has(subscriptions)) return;
    this.#stored.add(subscriptions);
    const granted = subscriptions.filter(({ topic }) => this.#options.isGranted(client, topic));
    const kept = granted.filter(({ topic }) => this.#keepFilter(client, topic));
    if (kept.length > 0) await super.addSubscriptions(client, kept);
  }

  override async removeSubscriptions(client: SessionKey, filters: readonly string[]): Promise<void> {
    const stored = this.#filters.get(client.id);
    for (const filter of filters) stored?.delete(filter);
    if (stored?.size === 0) this.#filters.delete(client.id);
    await super.removeSubscriptions(client, filters);
  }

  override async cleanSubscriptions(client: SessionKey): Promise<void> {
    this.#filters.delete(client.id);
    await super.cleanSubscriptions(client);
  }

  #keepFilter(client: SessionKey, filter: string): boolean {
    if (!this.mayStore(client, filter)) return false;
    const filters = this.#filters.get(client.id) ?? new Set();
    this.#filters.set(client.id, filters.add(filter));
    return true;
  }

  // The queues of durable sessions

  override async outgoingEnqueue(
    subscription: { readonly clientId: string },
    packet: AedesPublishPacket,
  ): Promise<void> {
    await this.outgoingEnqueueCombi([subscription], packet);
  }

  /** Aedes looked the subscribers up a moment ago: whoever was discarded since gets no queue again. */
  override async outgoingEnqueueCombi(
    subscriptions: readonly { readonly clientId: string }[],
    packet: AedesPublishPacket,
  ): Promise<void> {
    const present = subscriptions.filter(({ clientId }) => this.#filters.has(clientId));
    if (present.length === 0) return;
    const kept = { ...packet, payload: ownPayload(packet.payload) };
    for (const { clientId } of present) {
      const queue = this.#queues.get(clientId) ?? new MessageQueue(this.#options.limits);
      this.#queues.set(clientId, queue);
      const dropped = queue.add(kept);
      if (dropped > 0) this.#options.onOverflow(dropped);
    }
  }

  override async outgoingUpdate({ id }: SessionKey, packet: QueuedPacket): Promise<void> {
    if (!this.#queues.get(id)?.update(packet)) throw new Error('no such packet');
  }

  /** For a message that is not forwarded Aedes gives no message id, and means none. */
  override async outgoingClearMessageId({ id }: SessionKey, { messageId }: QueuedPacket): Promise<unknown> {
    if (messageId === undefined) return undefined;
    return this.#withQueue(id, (queue) => queue.acknowledge(messageId));
  }

  override outgoingStream({ id }: SessionKey): Readable {
    return Readable.from(this.#queues.get(id)?.packets() ?? []);
  }

  /** Takes just this message off the client's queue, wherever in it it is. */
  async dropQueued({ id }: SessionKey, packet: QueuedPacket): Promise<void> {
    this.#withQueue(id, (queue) => queue.drop(packet));
  }

  #withQueue<Result>(id: string, use: (queue: MessageQueue) => Result): Result | undefined {
    const queue = this.#queues.get(id);
    if (queue === undefined) return undefined;
    const result = use(queue);
    if (queue.isEmpty) this.#queues.delete(id);
    return result;
  }

  // Half-received messages

  override async incomingStorePacket({ id }: SessionKey, { messageId }: QueuedPacket): Promise<void> {
    if (messageId !== undefined) this.#halfReceived.add(id, messageId);
  }

  override async incomingGetPacket({ id }: SessionKey, { messageId }: QueuedPacket): Promise<QueuedPacket> {
    if (messageId === undefined || !this.#halfReceived.has(id, messageId)) throw new Error('no such packet');
    return { messageId };
  }

  override async incomingDelPacket({ id }: SessionKey, { messageId }: QueuedPacket): Promise<void> {
    if (messageId === undefined || !this.#halfReceived.release(id, messageId)) {
      throw new Error('no such packet');
    }
  }

  override async cleanIncoming({ id }: SessionKey): Promise<void> {
    this.#halfReceived.clear(id);
  }

  // Retained messages

  /** @throws GatehouseError `retained_limit` */
  override async storeRetained(packet: AedesPublishPacket & { readonly clientId?: string }): Promise<void> {
    this.retained.store(deviceOf(packet.clientId ?? ''), packet);
  }

  override createRetainedStream(filter: string): Readable {
    return this.retained.stream([filter]);
  }

  override createRetainedStreamCombi(filters: readonly string[]): Readable {
    return this.retained.stream(filters);
  }

  figures(): StoreFigures {
    let queuedMessages = 0;
    for (const queue of this.#queues.values()) queuedMessages += queue.size;
    return { retainedMessages: this.retained.count, queuedMessages };
  }

  /** Removes all that is kept for this client id: subscriptions, queue, half-received messages, will. */
  async discard(clientId: string): Promise<void> {
    const key = { id: clientId };
    await this.cleanSubscriptions(key);
    await this.cleanIncoming(key);
    await this.delWill(key);
    this.#queues.delete(clientId);
  }
}
