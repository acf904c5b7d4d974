/**
 * Aedes with a sound register of clients, and with topics of its own that no client can reach.
 *
 * Its own register forgets a live client when an earlier one of the same id
 * finishes closing late (the live one could then neither be found nor taken over), and takes in a client whose
 * connection ended while it was being connected. And it tells itself things by `$SYS/…`, on the emitter that it has for
 * all messages: a client's subscription to what begins with `$` never gets there, but to what the broker serves.
 */
import { Aedes, type AedesOptions, type Client } from 'aedes';
import { isReserved } from '../../core/policy/topic.ts';
import type { Deliver, SystemTopics } from '../system-topics/system-topics.ts';

export interface SoundAedesOptions extends AedesOptions {
  readonly systemTopics: SystemTopics;
}

export class SoundAedes extends Aedes {
  readonly #systemTopics: SystemTopics;
  #subscriptions = 0;

  constructor({ systemTopics, ...options }: SoundAedesOptions) {
    super(options);
    this.#systemTopics = systemTopics;
  }

  /** Filters of all clients that are connected. */
  get subscriptions(): number {
    return this.#subscriptions;
  }

  override subscribe(filter: string, deliver: Deliver, done: () => void): void {
    this.#subscriptions++;
    if (isReserved(filter)) {
      this.#systemTopics.add(filter, deliver);
      setImmediate(done);
    } else super.subscribe(filter, deliver, done);
  }

  /** @param done absent where Aedes replaces a subscription by another */
  override unsubscribe(filter: string, deliver: Deliver, done?: () => void): void {
    this.#subscriptions--;
    if (isReserved(filter)) {
      this.#systemTopics.remove(filter, deliver);
      if (done !== undefined) setImmediate(done);
    } else super.unsubscribe(filter, deliver, done ?? (() => {}));
  }

  override registerClient(client: Client): void {
    if (!client.closed) super.registerClient(client);
  }

  override unregisterClient(client: Client): void {
    if (this.clients[client.id] === client) super.unregisterClient(client);
  }
}
