/**
 * What Aedes 1.x asks of a session store. Asynchronous throughout, so that one in SQLite serves it now and one in
 * Redis may take its place. Held to the suite that Aedes has for its stores.
 */
import type { Readable } from 'node:stream';
import type { AedesPublishPacket, Subscription } from 'aedes';

/** Whose session: a client of Aedes, or its id alone. */
export interface SessionKey {
  readonly id: string;
  /** True where nothing of it is to outlive the connection. */
  readonly clean?: boolean;
}

export interface QueuedPacket {
  readonly cmd?: string;
  readonly topic?: string;
  readonly payload?: Buffer | string;
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly dup?: boolean;
  readonly messageId?: number | undefined;
  readonly brokerId?: string | undefined;
  readonly brokerCounter?: number | undefined;
}

export interface Subscriber {
  readonly clientId: string;
  readonly qos?: number;
}

export interface SessionStore {
  setup(broker: { readonly id: string }): Promise<void>;
  addSubscriptions(client: SessionKey, subscriptions: readonly Subscription[]): Promise<void>;
  removeSubscriptions(client: SessionKey, filters: readonly string[]): Promise<void>;
  subscriptionsByClient(client: SessionKey): Promise<Subscription[]>;
  cleanSubscriptions(client: SessionKey): Promise<void>;
  /** Those of QoS 1 and 2 that match, each with its client id. */
  subscriptionsByTopic(topic: string): Promise<Subscription[]>;
  /** How many subscriptions of QoS 1 and 2 there are, and of how many clients with any. */
  countOffline(): Promise<{ readonly subsCount: number; readonly clientsCount: number }>;
  /** The ids of those who have subscribed to just this filter. */
  getClientList(filter: string): Readable;
  outgoingEnqueue(subscriber: Subscriber, packet: AedesPublishPacket): Promise<void>;
  outgoingEnqueueCombi(subscribers: readonly Subscriber[], packet: AedesPublishPacket): Promise<void>;
  /**
   * A message is found by its broker id and counter, and given the message id; a PUBREL takes the place of what has
   * its message id. Rejects where there is none.
   */
  outgoingUpdate(client: SessionKey, packet: QueuedPacket): Promise<void>;
  /** Takes the packet with this message id off the queue. */
  outgoingClearMessageId(client: SessionKey, packet: QueuedPacket): Promise<QueuedPacket | undefined>;
  outgoingStream(client: SessionKey): Readable;
  /** A message of QoS 2, by its message id, until PUBREL. */
  incomingStorePacket(client: SessionKey, packet: QueuedPacket): Promise<void>;
  /** Rejects where there is none. */
  incomingGetPacket(client: SessionKey, packet: QueuedPacket): Promise<QueuedPacket>;
  /** Rejects where there is none. */
  incomingDelPacket(client: SessionKey, packet: QueuedPacket): Promise<void>;
  cleanIncoming(client: SessionKey): Promise<void>;
  /** An empty one removes the message of its topic. */
  storeRetained(packet: AedesPublishPacket & { readonly clientId?: string }): Promise<void>;
  createRetainedStream(filter: string): Readable;
  createRetainedStreamCombi(filters: readonly string[]): Readable;
  putWill(client: SessionKey, will: AedesPublishPacket): Promise<void>;
  getWill(client: SessionKey): Promise<AedesPublishPacket | undefined>;
  delWill(client: SessionKey): Promise<AedesPublishPacket | undefined>;
  /** Those that brokers have left which are not among `brokers`. */
  streamWill(brokers?: Readonly<Record<string, unknown>>): Readable;
  destroy(): Promise<void>;
}
