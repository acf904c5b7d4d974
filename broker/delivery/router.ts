/** Hands a message on to all that it is for. Who that is, is decided once. */
import type { Receiver } from '../persistence/queue-entry.ts';
import { SessionRecord } from '../persistence/session-record.ts';
import type { Route, SubscriptionIndex } from '../persistence/subscription-index.ts';
import type { Intake } from './intake.ts';
import { Outbox } from './outbox.ts';
import type { Publication, QoS } from './publication.ts';

export interface RouterOptions {
  readonly index: SubscriptionIndex;
  readonly intake: Intake;
}

export class Router {
  readonly #index: SubscriptionIndex;
  readonly #intake: Intake;

  constructor({ index, intake }: RouterOptions) {
    this.#index = index;
    this.#intake = intake;
  }

  routeOf(topic: string): Route {
    return this.#index.routeOf(topic);
  }

  /**
   * Resolves when the message may be acknowledged; null where it may at once. Nobody gets any of it where this throws.
   * @param clientId whose message it is @param origin of its device, which is held up where somebody cannot take more
   * @throws GatehouseError `retained_limit`; rejects with `session_store_failed`
   */
  publish(publication: Publication, route: Route, clientId: string, origin?: Outbox): Promise<void> | null {
    if (publication.isToBeRetained) this.#intake.retain(publication, clientId);
    const owed: Receiver[] = [];
    for (const recipient of route.recipients) {
      const { subscriber } = recipient;
      const qos = Math.min(recipient.qos, publication.qos) as QoS;
      if (qos > 0 && subscriber instanceof SessionRecord) {
        owed.push({ session: subscriber, qos });
        continue;
      }
      const { delivery } = subscriber;
      if (!(delivery instanceof Outbox)) continue; // not connected
      delivery.deliver(publication, qos, recipient);
      if (origin !== undefined) delivery.holdUp(origin);
    }
    return this.#intake.take(publication, owed, clientId);
  }
}
