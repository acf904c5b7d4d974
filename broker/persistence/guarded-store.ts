/**
 * The session store with what Aedes leaves open closed. A filter that was denied is never stored, and subscriptions
 * have a bound. What is owed to durable sessions is taken in before Aedes acknowledges it and sent by their outboxes:
 * Aedes would acknowledge first and store then, and send new messages before the queued ones.
 */
import { Readable } from 'node:stream';
import type { AedesPublishPacket, PublishPacket, Subscription } from 'aedes';
import { Intake } from '../delivery/intake.ts';
import { Outbox, type OutboxOptions } from '../delivery/outbox.ts';
import type { BrokerLimits } from '../limits.ts';
import type { StoreFigures } from '../system-topics/broker-figures.ts';
import { DurableStore } from './durable-store.ts';
import type { RetainedMessages } from './retained-messages.ts';
import type { SessionDatabase } from './session-database.ts';
import type { QueuedPacket, SessionKey } from './session-store.ts';

export interface GuardedStoreOptions {
  readonly database: SessionDatabase;
  /** Whether the policy lets this client subscribe to this filter at this moment. */
  readonly isGranted: (client: SessionKey, filter: string) => boolean;
  readonly limits: BrokerLimits;
}

export class GuardedStore extends DurableStore {
  readonly intake: Intake;
  readonly #options: GuardedStoreOptions;
  readonly #outboxes = new WeakMap<SessionKey, Outbox>();
  /** Aedes asks once for each filter of a SUBSCRIBE to store all of them. */
  readonly #stored = new WeakSet<readonly Subscription[]>();

  constructor(options: GuardedStoreOptions) {
    super(options.database);
    this.#options = options;
    this.intake = new Intake(options.database);
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
    this.#stored.add(subscriptions);
    const { isGranted, limits } = this.#options;
    const filters = new Set(this.database.sessions.get(client.id)?.subscriptions.keys());
    const kept = subscriptions.filter(({ topic }) => {
      if (!isGranted(client, topic)) return false;
      if (filters.size < limits.subscriptionsPerSession) filters.add(topic);
      return filters.has(topic);
    });
    if (kept.length > 0) await super.addSubscriptions(client, kept);
  }

  /** Aedes asks for it at CONNECT with clean session 1: whatever the session had is gone then [MQTT-3.1.2-6]. */
  override async cleanSubscriptions({ id }: SessionKey): Promise<void> {
    await this.discard(id);
  }

  figures(): StoreFigures {
    return { retainedMessages: this.retained.count, queuedMessages: this.database.queue.messages };
  }

  /** Removes all that is kept for this client id: subscriptions, queue, half-received messages, will. */
  discard(clientId: string): Promise<void> {
    return this.database.discard(clientId);
  }

  // What comes in

  /** Nobody: they have been found, and the message taken in for them, before Aedes was told to go on with it. */
  override async subscriptionsByTopic(): Promise<Subscription[]> {
    return [];
  }

  override async incomingStorePacket(client: SessionKey, packet: PublishPacket): Promise<void> {
    await this.intake.takeOnce(client, packet);
  }

  // What goes out

  /** Sends the durable session of `client` what waits for it, from now on until `stop`. */
  deliver(client: SessionKey, to: Pick<OutboxOptions, 'stream' | 'judge'>): { readonly stop: () => void } {
    const { database } = this;
    const session = database.sessions.open(client.id);
    const outbox = new Outbox({ session, database, window: this.#options.limits, ...to });
    this.#outboxes.set(client, outbox);
    outbox.start();
    return { stop: () => outbox.close() };
  }

  /**
   * A message that Aedes is about to hand to `client`, as far as it is to do so: what its session has in its queue, or
   * gets into it here, is the outbox's to send.
   */
  route(client: SessionKey, packet: AedesPublishPacket): AedesPublishPacket | null {
    if (client.clean || packet.qos === 0) return packet;
    const session = this.database.sessions.get(client.id);
    const qos = session && this.database.sessions.index.receiversOf(packet.topic).get(session);
    if (qos === undefined) return { ...packet, qos: 0 }; // only filters of QoS 0 match
    // Of those that it has just subscribed to, Aedes names no broker.
    if (packet.retain && !packet.brokerId) {
      this.intake.queueRetained(client, packet, Math.min(qos, packet.qos)).catch(() => {}); // the store tells of it
    }
    return null;
  }

  /** Nothing: the outbox sends it. */
  override outgoingStream(_client: SessionKey): Readable {
    return Readable.from([]);
  }

  /** PUBREC. */
  override async outgoingUpdate(client: SessionKey, { cmd, messageId }: QueuedPacket): Promise<void> {
    if (cmd === 'pubrel' && messageId !== undefined) await this.#outboxes.get(client)?.release(messageId);
  }

  /** PUBACK or PUBCOMP. For a message that is not forwarded Aedes gives no message id, and means none. */
  override async outgoingClearMessageId(client: SessionKey, { messageId }: QueuedPacket): Promise<undefined> {
    if (messageId !== undefined) this.#outboxes.get(client)?.acknowledge(messageId);
  }
}
