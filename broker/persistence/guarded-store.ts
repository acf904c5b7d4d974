/**
 * The session store with what Aedes leaves open closed: a filter that was denied is never stored, a packet is
 * taken off a queue only if it is the one that was meant, and a session can be discarded whole.
 */
import type { AedesPublishPacket, Subscription } from 'aedes';
import MemoryPersistence from 'aedes-persistence/asyncPersistence.js';
import type { QueuedPacket, SessionKey } from './session-store.ts';

/** A message id that no packet of MQTT has: they are 1 to 65,535 [MQTT-2.3.1-1]. */
const MARK = -1;

export class GuardedStore extends MemoryPersistence {
  readonly #isGranted: (client: SessionKey, filter: string) => boolean;
  /** Those with subscriptions in the store. */
  readonly #subscribers = new Set<string>();
  /** Aedes asks once for each filter of a SUBSCRIBE to store all of them. */
  readonly #stored = new WeakSet<readonly Subscription[]>();

  /** @param options.isGranted whether this client may subscribe to this filter at this moment */
  constructor({ isGranted }: { readonly isGranted: (client: SessionKey, filter: string) => boolean }) {
    super();
    this.#isGranted = isGranted;
  }

  override async addSubscriptions(client: SessionKey, subscriptions: readonly Subscription[]): Promise<void> {
    if (this.#stored.has(subscriptions)) return;
    this.#stored.add(subscriptions);
    const granted = subscriptions.filter(({ topic }) => this.#isGranted(client, topic));
    if (granted.length === 0) return;
    this.#subscribers.add(client.id);
    await super.addSubscriptions(client, granted);
  }

  override async cleanSubscriptions(client: SessionKey): Promise<void> {
    this.#subscribers.delete(client.id);
    await super.cleanSubscriptions(client);
  }

  /** Aedes looked the subscribers up a moment ago: whoever was discarded since gets no queue again. */
  override async outgoingEnqueueCombi(
    subscriptions: readonly { readonly clientId: string }[],
    packet: AedesPublishPacket,
  ): Promise<void> {
    const present = subscriptions.filter(({ clientId }) => this.#subscribers.has(clientId));
    await super.outgoingEnqueueCombi(present, packet);
  }

  /** For a message that is not forwarded Aedes gives no message id, and would remove whichever has none yet. */
  override async outgoingClearMessageId(client: SessionKey, packet: QueuedPacket): Promise<unknown> {
    if (packet.messageId === undefined) return undefined;
    return super.outgoingClearMessageId(client, packet);
  }

  /** Takes just this message off the client's queue, wherever in it it is. */
  async dropQueued(client: SessionKey, { brokerId, brokerCounter }: QueuedPacket): Promise<void> {
    const marked = { brokerId, brokerCounter, messageId: MARK };
    const found = await this.outgoingUpdate(client, marked).then(
      () => true,
      () => false,
    );
    if (found) await super.outgoingClearMessageId(client, marked);
  }

  /** Removes all that is kept for this client id: subscriptions, queue, half-received messages, will. */
  async discard(clientId: string): Promise<void> {
    const key = { id: clientId };
    await this.cleanSubscriptions(key);
    await this.cleanIncoming(key);
    await this.delWill(key);
    for await (const packet of this.outgoingStream(key)) await super.outgoingClearMessageId(key, packet);
  }
}
