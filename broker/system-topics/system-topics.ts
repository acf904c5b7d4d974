/**
 * The topics that the broker itself serves, apart from those of Aedes: subscriptions to filters that begin with `$` come
 * here (sound-aedes.ts), and no message of a device does. So whatever Aedes tells itself by `$SYS/…` reaches nobody.
 *
 * Everything is sent with QoS 0, and nothing is stored for who is away: it is what is so now, and the next subscription
 * gets it anew, as retained messages.
 */
import type { AedesPublishPacket } from 'aedes';
import type { TopicFilter, TopicName } from '../../core/ids.ts';
import { matches } from '../../core/policy/topic.ts';

export type Deliver = (packet: AedesPublishPacket, done: () => void) => void;

/** Apart from Aedes' own: by this and a counter it tells whether a client was given a message before. */
const BROKER_ID = '$system';

export class SystemTopics {
  readonly #subscribers = new Map<string, Set<Deliver>>();
  #counter = 0;

  get hasSubscribers(): boolean {
    return this.#subscribers.size > 0;
  }

  /** @param filter one that the policy has granted */
  add(filter: string, deliver: Deliver): void {
    const all = this.#subscribers.get(filter) ?? new Set();
    this.#subscribers.set(filter, all.add(deliver));
  }

  remove(filter: string, deliver: Deliver): void {
    const all = this.#subscribers.get(filter);
    all?.delete(deliver);
    if (all?.size === 0) this.#subscribers.delete(filter);
  }

  /**
   * Hands a message to all who subscribe to it now, and waits for none of them: who does not read is ended after
   * `drainTime`, and must not keep the others from hearing.
   */
  publish(topic: TopicName, payload: string): void {
    const packet = { ...systemPacket(topic, payload), brokerId: BROKER_ID, brokerCounter: ++this.#counter };
    for (const [filter, all] of this.#subscribers) {
      if (!matches(filter as TopicFilter, topic)) continue;
      for (const deliver of all) deliver(packet, () => {});
    }
  }
}

export function systemPacket(topic: TopicName, payload: string) {
  return {
    cmd: 'publish',
    topic,
    payload: Buffer.from(payload),
    qos: 0,
    retain: false,
    dup: false,
  } as const;
}
