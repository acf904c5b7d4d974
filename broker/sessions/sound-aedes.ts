/**
 * Aedes with a sound register of clients, and without messages: those go by the exchange.
 *
 * Its own register forgets a live client when an earlier one of the same id finishes closing late (the live one could then
 * neither be found nor taken over), and takes in a client whose connection ended while it was being connected. And it tells
 * itself things by `$SYS/…`, on the emitter that it has for all messages: nobody subscribes to that, and of what would go
 * there only wills and its own heartbeat go anywhere.
 */
import { Aedes, type AedesOptions, type Client, type PublishPacket } from 'aedes';

export interface SoundAedesOptions extends AedesOptions {
  /** A will that may be published, of whoever had this client id. */
  readonly publishWill: (will: PublishPacket, clientId: string) => Promise<void>;
}

type Done = (error?: Error) => void;

export class SoundAedes extends Aedes {
  readonly #publishWill: SoundAedesOptions['publishWill'];
  #subscriptions = 0;

  constructor({ publishWill, ...options }: SoundAedesOptions) {
    super(options);
    this.#publishWill = publishWill;
  }

  /** Filters of all clients that are connected. */
  get subscriptions(): number {
    return this.#subscriptions;
  }

  override subscribe(_filter: string, _deliver: unknown, done: () => void): void {
    this.#subscriptions++;
    setImmediate(done);
  }

  /** @param done absent where Aedes replaces a subscription by another */
  override unsubscribe(_filter: string, _deliver: unknown, done?: () => void): void {
    this.#subscriptions--;
    if (done !== undefined) setImmediate(done);
  }

  /** By the heartbeat it knows itself from brokers that are gone, whose wills it publishes. */
  override publish(
    packet: PublishPacket & { readonly clientId?: string },
    ...rest: [Done] | [Client | null, Done]
  ): void {
    const [client, done] = rest.length === 1 ? [null, rest[0]] : rest;
    if (packet.topic === `$SYS/${this.id}/heartbeat`) super.publish(packet, done);
    else if (packet.topic.startsWith('$')) done();
    else this.#publishWill(packet, client?.id ?? packet.clientId ?? '').then(() => done(), done);
  }

  override registerClient(client: Client): void {
    if (!client.closed) super.registerClient(client);
  }

  override unregisterClient(client: Client): void {
    if (this.clients[client.id] === client) super.unregisterClient(client);
  }
}
