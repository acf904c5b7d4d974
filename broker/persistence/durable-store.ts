/** The session database as Aedes wants a store to be. It passes the suite that Aedes has for its own. */
import { Readable } from 'node:stream';
import type { AedesPublishPacket, Subscription } from 'aedes';
import { deviceOf } from '../client-id.ts';
import type { Message, StoredEntry } from './queue-entry.ts';
import type { SessionDatabase } from './session-database.ts';
import { SessionRecord } from './session-record.ts';
import type { QueuedPacket, SessionKey, SessionStore, Subscriber } from './session-store.ts';

/** Of a queue that is read from its beginning to its end. */
const PAGE = 200;

export class DurableStore implements SessionStore {
  readonly database: SessionDatabase;
  #broker: { readonly id: string } = { id: '' };

  constructor(database: SessionDatabase) {
    this.database = database;
  }

  /** Aedes, whose name the wills bear. */
  get broker(): { readonly id: string } {
    return this.#broker;
  }

  async setup(broker: { readonly id: string }): Promise<void> {
    this.#broker = broker;
  }

  // Subscriptions

  async addSubscriptions({ id }: SessionKey, subscriptions: readonly Subscription[]): Promise<void> {
    const { sessions } = this.database;
    await sessions.subscribe(sessions.open(id), subscriptions);
  }

  async removeSubscriptions({ id }: SessionKey, filters: readonly string[]): Promise<void> {
    const { sessions } = this.database;
    const session = sessions.get(id);
    if (session !== undefined) await sessions.unsubscribe(session, filters);
  }

  async subscriptionsByClient({ id }: SessionKey): Promise<Subscription[]> {
    return [...(this.database.sessions.get(id)?.subscriptions.values() ?? [])];
  }

  async cleanSubscriptions(client: SessionKey): Promise<void> {
    const filters = this.database.sessions.get(client.id)?.subscriptions.keys() ?? [];
    await this.removeSubscriptions(client, [...filters]);
  }

  async subscriptionsByTopic(topic: string): Promise<Subscription[]> {
    const found = [...this.database.sessions.index.matching(topic)];
    return found.flatMap(({ subscriber, subscription }) =>
      subscriber instanceof SessionRecord && subscription.qos > 0
        ? [{ ...subscription, clientId: subscriber.clientId }]
        : [],
    );
  }

  async countOffline(): Promise<{ readonly subsCount: number; readonly clientsCount: number }> {
    const sessions = [...this.database.sessions.all()];
    const clientsCount = sessions.filter(({ subscriptions }) => subscriptions.size > 0).length;
    const all = sessions.flatMap(({ subscriptions }) => [...subscriptions.values()]);
    return { subsCount: all.filter(({ qos }) => qos > 0).length, clientsCount };
  }

  getClientList(filter: string): Readable {
    const sessions = [...this.database.sessions.all()];
    const subscribed = sessions.filter(({ subscriptions }) => subscriptions.has(filter));
    return Readable.from(subscribed.map(({ clientId }) => clientId));
  }

  // The queues of durable sessions

  async outgoingEnqueue(subscriber: Subscriber, packet: AedesPublishPacket): Promise<void> {
    await this.outgoingEnqueueCombi([subscriber], packet);
  }

  async outgoingEnqueueCombi(subscribers: readonly Subscriber[], packet: AedesPublishPacket): Promise<void> {
    if (subscribers.length === 0) return;
    const receivers = subscribers.map(({ clientId, qos = packet.qos }) => ({
      session: this.database.sessions.open(clientId),
      qos: Math.min(qos, packet.qos),
    }));
    await this.database.append(messageOf(packet), receivers);
  }

  async outgoingUpdate({ id }: SessionKey, packet: QueuedPacket): Promise<void> {
    const { messageId, brokerId, brokerCounter } = packet;
    const session = this.database.sessions.get(id);
    const isUpdated = await this.database.change((queue) => {
      if (session === undefined || messageId === undefined) return false;
      if (packet.cmd === 'pubrel') {
        const entry = queue.findSent(session, messageId);
        if (entry !== undefined) queue.release(session, entry.seq);
        return entry !== undefined;
      }
      const entry = queue.find(session, { brokerId: brokerId ?? '', brokerCounter: brokerCounter ?? 0 });
      if (entry !== undefined) queue.setMessageId(session, entry, messageId);
      return entry !== undefined;
    });
    if (!isUpdated) throw new Error('no such packet');
  }

  async outgoingClearMessageId(
    { id }: SessionKey,
    { messageId }: QueuedPacket,
  ): Promise<QueuedPacket | undefined> {
    const session = this.database.sessions.get(id);
    if (session === undefined || messageId === undefined) return undefined;
    return this.database.change((queue) => {
      const entry = queue.findSent(session, messageId);
      if (entry === undefined) return undefined;
      queue.remove(session, [entry.seq]);
      return packetOf(entry);
    });
  }

  outgoingStream({ id }: SessionKey): Readable {
    const session = this.database.sessions.get(id);
    return Readable.from(session === undefined ? [] : this.#packetsOf(session));
  }

  async *#packetsOf(session: SessionRecord): AsyncGenerator<QueuedPacket> {
    for (let after = 0; ; ) {
      const entries = await this.database.change((queue) => queue.entries(session, after, PAGE));
      yield* entries.map(packetOf);
      if (entries.length < PAGE) return;
      after = entries.at(-1)?.seq ?? after;
    }
  }

  // Half-received messages

  async incomingStorePacket({ id, clean }: SessionKey, packet: QueuedPacket): Promise<void> {
    const { messageId } = packet;
    if (messageId === undefined) return;
    const { cmd = 'publish', topic = '', payload = '', qos = 2, retain = false, dup = false } = packet;
    const session = clean ? null : this.database.sessions.open(id);
    const kept = { cmd, topic, payload, qos, retain, dup, messageId };
    await this.database.receive(session, id, messageId, kept);
  }

  async incomingGetPacket({ id }: SessionKey, { messageId }: QueuedPacket): Promise<QueuedPacket> {
    const packet = messageId === undefined ? undefined : this.database.halfReceived(id, messageId);
    if (packet === undefined) throw new Error('no such packet');
    return packet;
  }

  async incomingDelPacket({ id }: SessionKey, { messageId }: QueuedPacket): Promise<void> {
    if (messageId === undefined || !(await this.database.complete(id, messageId))) {
      throw new Error('no such packet');
    }
  }

  async cleanIncoming({ id }: SessionKey): Promise<void> {
    await this.database.clearHalfReceived(id);
  }

  // Retained messages

  /** @throws GatehouseError `retained_limit` */
  async storeRetained(packet: AedesPublishPacket & { readonly clientId?: string }): Promise<void> {
    this.database.retained.store(deviceOf(packet.clientId ?? ''), packet);
    await this.database.flush();
  }

  createRetainedStream(filter: string): Readable {
    return Readable.from(this.database.retained.find(filter));
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(this.database.retained.find(...filters));
  }

  // Wills

  async putWill({ id, clean = false }: SessionKey, will: AedesPublishPacket): Promise<void> {
    const owned = Object.assign(will, { brokerId: this.#broker.id, clientId: id });
    await this.database.wills.put(owned, { isDurable: !clean });
  }

  async getWill({ id }: SessionKey): Promise<AedesPublishPacket | undefined> {
    return this.database.wills.get(id);
  }

  async delWill({ id }: SessionKey): Promise<AedesPublishPacket | undefined> {
    return this.database.wills.remove(id);
  }

  streamWill(brokers: Readonly<Record<string, unknown>> = {}): Readable {
    const orphans = [...this.database.wills.all()].filter(({ brokerId }) => brokers[brokerId] === undefined);
    return Readable.from(orphans);
  }

  async destroy(): Promise<void> {
    await this.database.close();
  }
}

function messageOf({
  topic,
  payload,
  retain,
  brokerId,
  brokerCounter,
}: QueuedPacket & { topic: string; payload: Buffer | string }): Message {
  return {
    topic,
    payload,
    retain: retain ?? false,
    brokerId: brokerId ?? null,
    brokerCounter: brokerCounter ?? null,
  };
}

function packetOf(entry: StoredEntry): QueuedPacket {
  const messageId = entry.messageId ?? undefined;
  if (entry.released === 1) return { cmd: 'pubrel', messageId };
  return {
    cmd: 'publish',
    topic: entry.topic ?? '',
    payload: entry.payload ?? '',
    qos: entry.qos,
    retain: entry.retain === 1,
    dup: false,
    brokerId: entry.brokerId ?? undefined,
    brokerCounter: entry.brokerCounter ?? undefined,
    messageId,
  };
}
