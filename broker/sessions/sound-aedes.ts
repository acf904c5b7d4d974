/**
 * Aedes with a sound register of clients, and without messages: those go by the exchange.
 *
 * Its own register forgets a live client when an earlier one of the same id finishes closing late (the live one could then
 * neither be found nor taken over), and takes in a client whose connection ended while it was being connected. And it tells
 * itself things by `$SYS/…`, on the emitter that it has for all messages: nobody subscribes to that, and of what would go
 * there only wills and its own heartbeat go anywhere.
 */
import type { Duplex } from 'node:stream';
import { Aedes, type AedesOptions, type Client, type PublishPacket } from 'aedes';
import { type ConnectRequest, PROTOCOL_LEVEL } from '../front/connect-packet.ts';

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

  /**
   * Serves a connection whose CONNECT has been read. Aedes is given what was found to be in it, as its parser would give it,
   * and not one byte of the packet, which the two could understand differently.
   * @param stream on which the device's packets come that follow CONNECT
   */
  take(stream: Duplex, { clientId, clean, will }: ConnectRequest): Client {
    const client = this.handle(stream);
    client._nextBatch(); // it expects to have been told that there is something to read
    client._parser.emit('packet', {
      cmd: 'connect',
      protocolVersion: PROTOCOL_LEVEL,
      ...{ clientId, clean, will: will && { ...will } }, // Aedes adds to the will
      keepalive: 0, // Aedes does not see all that keeps it alive
    });
    return client;
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
