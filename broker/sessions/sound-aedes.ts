/**
 * Aedes with a sound register of clients, its own CONNECT replaced, and without messages: those go by the exchange.
 *
 * Its own register forgets a live client when an earlier one of the same id finishes closing late (the live one could then
 * neither be found nor taken over), and takes in a client whose connection ended while it was being connected. And it tells
 * itself things by `$SYS/…`, on the emitter that it has for all messages: nobody subscribes to that, and of what would go
 * there only wills and its own heartbeat go anywhere.
 */
import type { Duplex } from 'node:stream';
import { Aedes, type AedesOptions, type Client, type PublishPacket, type Subscription } from 'aedes';
import { writeToStream } from 'mqtt-packet';
import { type ConnectRequest, PROTOCOL_LEVEL } from '../front/connect-packet.ts';
import type { SessionStore } from '../persistence/session-store.ts';

export interface SoundAedesOptions extends AedesOptions {
  readonly persistence: SessionStore;
  /** A will that may be published, of whoever had this client id. */
  readonly publishWill: (will: PublishPacket, clientId: string) => Promise<void>;
}

export interface SessionStart {
  /** An earlier session goes on, whatever is in it [MQTT-3.2.2-2]. To Aedes one without subscriptions would be none. */
  readonly isKept: boolean;
  /** Whether the broker has ended the connection, of which Aedes may not have been told yet. */
  readonly hasEnded: () => boolean;
}

type Done = (error?: Error) => void;

/** MQTT 3.1.1 §3.2. */
const CONNACK = 0x20;

export class SoundAedes extends Aedes {
  readonly #store: SessionStore;
  readonly #publishWill: SoundAedesOptions['publishWill'];
  #subscriptions = 0;

  constructor({ publishWill, ...options }: SoundAedesOptions) {
    super(options);
    // The packets that Aedes writes are few: they are not worth 65,536 buffers kept ready, one for each number, of 6 MB.
    writeToStream.cacheNumbers = false;
    this.#store = options.persistence;
    this.#publishWill = publishWill;
  }

  /** Filters of all clients that are connected. */
  get subscriptions(): number {
    return this.#subscriptions;
  }

  /**
   * A connection whose CONNECT has been read, and who may connect.
   * @param stream on which the device's packets come that follow CONNECT
   */
  take(stream: Duplex, { clientId, clean, will }: ConnectRequest): Client {
    const client = this.handle(stream);
    clearTimeout(client._connectTimer ?? undefined);
    client._connectTimer = null;
    client._authorized = true;
    client.connecting = true;
    client.id = clientId;
    client.clean = clean;
    client.version = PROTOCOL_LEVEL;
    client._will = will && { cmd: 'publish', dup: false, ...will };
    return client;
  }

  /**
   * What Aedes does on CONNECT, in its order, and without the queue that it would send through a pipeline: for it that is
   * always empty, and the pipeline took a tenth of a connect. False where it has come to its end meanwhile.
   */
  async connect(client: Client, { isKept, hasEnded }: SessionStart): Promise<boolean> {
    const isOver = () => client.closed || this.closed || hasEnded();
    await this.#beginOrRestore(client);
    if (isOver()) return false;
    client.will = client._will; // null by now where the session has been cut off
    if (client.will !== null) {
      await this.#store.putWill(client, { ...client.will, brokerId: this.id, brokerCounter: 0 });
    }
    if (isOver()) return false;
    this.registerClient(client);
    client.conn.write(Buffer.from([CONNACK, 2, isKept ? 1 : 0, 0]));
    client.connackSent = true;
    client.connecting = false;
    client.connected = true;
    client.emit('connected');
    client._nextBatch(); // CONNECT is done with: Aedes goes on to whatever follows it
    return true;
  }

  async #beginOrRestore(client: Client): Promise<void> {
    if (client.clean) return this.#store.cleanSubscriptions(client); // [MQTT-3.1.2-6]
    const stored = await this.#store.subscriptionsByClient(client);
    await Promise.all(stored.map((subscription) => this.#restore(client, subscription)));
  }

  /** It may not be allowed any more. */
  #restore(client: Client, { topic, qos }: Subscription): Promise<void> {
    return new Promise((resolve, reject) => {
      this.authorizeSubscribe(client, { topic, qos }, (error, granted) => {
        if (error !== null) return reject(error);
        if (granted && !client.closed) {
          client.subscriptions[topic] = { qos };
          this.#subscriptions++;
        }
        resolve();
      });
    });
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
    else if (client !== null) void this.#publishLast(packet, client.id, done);
    else this.#publishWill(packet, packet.clientId ?? '').then(() => done(), done);
  }

  /**
   * Of a connection that was lost. By `done` Aedes deletes what is stored for the client id; but the disk takes its time, and
   * by then the will may be that of the connection that has taken over.
   */
  async #publishLast(packet: PublishPacket, id: string, done: Done): Promise<void> {
    const own = this.#store.getWill({ id }); // looked up at once: nobody has taken over yet
    await this.#publishWill(packet, id).catch(() => {}); // Aedes would delete it all the same
    if ((await this.#store.getWill({ id })) === (await own)) done();
  }

  override registerClient(client: Client): void {
    if (!client.closed) super.registerClient(client);
  }

  override unregisterClient(client: Client): void {
    if (this.clients[client.id] === client) super.unregisterClient(client);
  }
}
