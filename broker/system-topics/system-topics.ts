/**
 * The topics that the broker itself serves. No message of a device gets there: to publish to what begins with `$` is denied
 * before any policy is asked.
 *
 * Everything is sent with QoS 0, and nothing is stored for who is away: it is what is so now, and the next subscription
 * gets it anew, as retained messages. Nobody waits for who does not read: it is ended after `drainTime`.
 */
import type { TopicName } from '../../core/ids.ts';
import { Outbox } from '../delivery/outbox.ts';
import { Publication } from '../delivery/publication.ts';
import type { SubscriptionIndex } from '../persistence/subscription-index.ts';

export class SystemTopics {
  readonly #index: SubscriptionIndex;

  constructor(index: SubscriptionIndex) {
    this.#index = index;
  }

  get hasSubscribers(): boolean {
    return this.#index.hasReserved;
  }

  /** Hands a message to all who subscribe to it now. */
  publish(topic: TopicName, payload: string): void {
    const message = Publication.of({ topic, payload: Buffer.from(payload), qos: 0 });
    for (const { subscriber } of this.#index.find(topic).recipients) {
      if (subscriber.delivery instanceof Outbox) subscriber.delivery.deliver(message, 0);
    }
  }
}
