/**
 * What Aedes 1.x asks of a session store, as far as the broker itself uses or guards it. The memory store serves
 * it now; one that survives the process takes its place without anything else changing.
 */
import type { Readable } from 'node:stream';
import type { AedesPublishPacket, Subscription } from 'aedes';

/** Whose session: a client of Aedes, or its id alone. */
export interface SessionKey {
  readonly id: string;
}

export interface QueuedPacket {
  readonly cmd?: string;
  readonly topic?: string;
  readonly payload?: Buffer | string;
  readonly messageId?: number | undefined;
  readonly brokerId?: string | undefined;
  readonly brokerCounter?: number | undefined;
}

export interface SessionStore {
  setup(broker: unknown): Promise<void>;
  addSubscriptions(client: SessionKey, subscriptions: readonly Subscription[]): Promise<void>;
  removeSubscriptions(client: SessionKey, filters: readonly string[]): Promise<void>;
  subscriptionsByClient(client: SessionKey): Promise<Subscription[]>;
  cleanSubscriptions(client: SessionKey): Promise<void>;
  outgoingEnqueue(subscription: { readonly clientId: string }, packet: AedesPublishPacket): Promise<void>;
  outgoingEnqueueCombi(
    subscriptions: readonly { readonly clientId: string }[],
    packet: AedesPublishPacket,
  ): Promise<void>;
  /** Finds the packet by its broker id and counter, and gives it the message id. Rejects where there is none. */
  outgoingUpdate(client: SessionKey, packet: QueuedPacket): Promise<void>;
  /** Takes the packet with this message id off the queue. */
  outgoingClearMessageId(client: SessionKey, packet: QueuedPacket): Promise<unknown>;
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
  delWill(client: SessionKey): Promise<unknown>;
  destroy(): Promise<void>;
}
