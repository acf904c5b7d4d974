/** Aedes, set up with our decisions, and the connections that are handed over to it. */
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Client } from 'aedes';
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import type { DepartureReason } from '../../core/observations/departure.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Standing } from '../admission/standing.ts';
import type { Authorizer } from '../authorization/authorizer.ts';
import { Exchange } from '../delivery/exchange.ts';
import type { ConnectRequest } from '../front/connect-packet.ts';
import { DeviceStream } from '../front/device-stream.ts';
import { PacketGate } from '../front/packet-gate.ts';
import type { BrokerLimits } from '../limits.ts';
import type { BrokerMetrics } from '../metrics.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';
import type { QueueOverflows } from '../reports/queue-overflows.ts';
import type { Replay } from '../system-topics/replay.ts';
import type { Connection } from './connection.ts';
import type { CutOff } from './cut-off.ts';
import type { DurableSessions } from './durable-sessions.ts';
import { callAfter } from './expiry.ts';
import { KeepAlive } from './keep-alive.ts';
import type { LiveTable } from './live-table.ts';
import { SoundAedes } from './sound-aedes.ts';

/** The device has sent nothing for longer than it said it would. */
const SILENT = 'keep alive timeout';
/** ms for what waits for the disk when the broker ends. The round that has begun by then may take longer. */
const DRAIN_MS = 2_000;
/** ms that all devices together may take to hear the last of it when the broker ends. */
const FAREWELL_MS = 1_000;

export interface MessageBrokerOptions {
  readonly live: LiveTable;
  readonly durable: DurableSessions;
  readonly store: GuardedStore;
  readonly authorizer: Authorizer;
  readonly cutOff: CutOff;
  readonly replay: Replay;
  /** CONNACK is sent. */
  readonly onArrival: (connection: Connection) => void;
  /** A session that had arrived is gone. */
  readonly onDeparture: (connection: Connection, reason: DepartureReason) => void;
  readonly metrics: BrokerMetrics;
  readonly overflows: Pick<QueueOverflows, 'note'>;
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A connection that is handed over to Aedes. */
interface Attachment {
  readonly connection: Connection;
  readonly client: Client;
  readonly stream: DeviceStream;
  readonly request: ConnectRequest;
  /** There is an earlier session that it goes on with. */
  readonly isKept: boolean;
  /** Resolves when Aedes has let go of it. */
  readonly gone: Promise<void>;
}

export class MessageBroker {
  readonly #options: MessageBrokerOptions;
  readonly #aedes: SoundAedes;
  readonly #exchange: Exchange;
  readonly #keepAlive = new KeepAlive();
  /** What is to be done once Aedes has unregistered a client. */
  readonly #departures = new WeakMap<Client, () => void>();
  readonly #streams = new Map<Client, DeviceStream>();
  /** Why Aedes ended a client by itself. */
  readonly #failures = new WeakMap<Client, DepartureReason>();

  private constructor(options: MessageBrokerOptions) {
    const { authorizer, store, log } = options;
    this.#options = options;
    this.#exchange = new Exchange(options);
    this.#aedes = new SoundAedes({
      id: store.database.brokerId,
      publishWill: (will, clientId) => this.#exchange.publishWill(will, clientId),
      persistence: store,
      authorizePublish: (client, will, done) => authorizer.publish(client, will, done),
      authorizeSubscribe: (client, subscription, done) => authorizer.subscribe(client, subscription, done),
    });
    this.#aedes
      .on('clientDisconnect', (client) => this.#departures.get(client)?.())
      .on('subscribe', (subscriptions, client) => this.#exchange.subscribed(subscriptions, client))
      .on('unsubscribe', (filters, client) => this.#exchange.unsubscribed(filters, client))
      .on('clientError', (client, error) => this.#noteFailure(client, error))
      .on('connectionError', (_client, error) => log.debug({ err: error }, 'connection failed'))
      // Without a listener a denied will of another broker would end the process.
      .addListener('error', (error: unknown) => log.error({ err: error }, 'Aedes reports an error'));
  }

  static async start(options: MessageBrokerOptions): Promise<MessageBroker> {
    const broker = new MessageBroker(options);
    await broker.#aedes.listen();
    return broker;
  }

  /** Topic filters of all sessions that are connected. */
  get subscriptions(): number {
    return this.#aedes.subscriptions;
  }

  /** Aedes serves the connection from here on. Synchronous, so that nothing can come in between. */
  attach(connection: Connection, standing: Standing, request: ConnectRequest): void {
    const { live, durable, store, cutOff, onDeparture, metrics, limits, clock, log } = this.#options;
    const { device, stream: socket } = connection;
    const gate = new PacketGate({
      budget: live.budgetOf(device),
      limits: () => (connection.standing ?? standing).grants.limits,
    });
    const stream = new DeviceStream({
      socket,
      gate,
      onViolation: (error) => this.#dismissFor(connection, error),
      onThrottle: () => metrics.throttled(),
      throttleTime: limits.throttleTime,
      drainTime: limits.drainTime,
      farewellTime: limits.farewellTime,
    });
    const client = this.#aedes.take(stream, request);
    this.#streams.set(client, stream);
    live.bind(client, connection);
    // It is here: a will that an earlier connection left, and nobody has published yet, tells what is not so.
    if (request.will === null) store.database.wills.remove(request.clientId);
    const isKept = !request.clean && store.database.sessions.get(request.clientId) !== undefined;
    if (!request.clean) durable.keep(device, request.clientId);
    metrics.admitted();
    metrics.connected();
    log.debug({ device, clientId: request.clientId, address: connection.address }, 'connection admitted');

    const gone = this.#goneWith(client, stream);
    connection.attach(client, gone);
    void this.#setUp({ connection, client, stream, request, isKept, gone });
    const cancelExpiry = callAfter(standing.notAfter, clock, () => {
      void cutOff.cut(connection, 'certificate_expired', standing.notAfter);
    });
    connection.socket.once('close', cancelExpiry);
    void gone.then(() => {
      this.#streams.delete(client);
      this.#keepAlive.forget(stream);
      metrics.disconnected();
      if (client.connackSent) onDeparture(connection, this.#reasonOf(connection, client));
    });
  }

  /** Up to CONNACK, and what follows it. Never rejects. */
  async #setUp({ connection, client, stream, request, isKept, gone }: Attachment): Promise<void> {
    const { durable, cutOff, onArrival, limits } = this.#options;
    const deadline = setTimeout(() => {
      if (client.closed) return;
      cutOff.dismiss(connection, 'connect_timeout', 'the session could not be set up in time');
    }, limits.admissionTime);
    try {
      const hasEnded = () => connection.endedBy !== null;
      if (!(await this.#aedes.connect(client, { isKept, hasEnded }))) return;
      if (request.clean) durable.forget(connection.device, request.clientId);
      this.#exchange.open(connection, client, stream, gone);
      this.#keepAlive.watch(stream, request.keepalive, () => client.emit('error', new Error(SILENT)));
      onArrival(connection);
    } catch (error) {
      client.emit('error', error);
    } finally {
      clearTimeout(deadline);
    }
  }

  /**
   * Ends every session. What was taken in is committed and acknowledged first, as far as there is time; what waits then is not,
   * nor what a device sends from now on, and it will send it again. Wills are deferred, as a server's end allows it
   * [MQTT-3.1.2-12]: the next start publishes those of whoever has not come back minutes later, and a restart does not tell the
   * world that the fleet is gone.
   */
  async close(): Promise<void> {
    this.#keepAlive.close();
    for (const stream of this.#streams.values()) stream.stopInput();
    await this.#settle();
    await nextTurn(); // all that waited for it has been acknowledged
    this.#deferWills();
    for (const stream of this.#streams.values()) stream.finish();
    const farewell = [...this.#options.live.all()].map(({ gone }) => gone);
    await Promise.race([Promise.all(farewell), delay(FAREWELL_MS, undefined, { ref: false })]);
    this.#deferWills(); // of whoever has arrived meanwhile
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
    await nextTurn();
  }

  /** What publishers wait for. Without an acknowledgement they send it again; a will that is not taken in is still there. */
  async #settle(): Promise<void> {
    const { database } = this.#options.store;
    const flush = () => database.flush().catch(() => {}); // the store has told of it
    await Promise.race([flush(), delay(DRAIN_MS, undefined, { ref: false })]);
    database.abandon();
    await flush();
  }

  #deferWills(): void {
    this.#options.store.database.wills.keepAll();
    for (const client of this.#streams.keys()) {
      client.will = null;
      client._will = null;
    }
  }

  /** Resolves when the stream is closed and Aedes has unregistered the client, if it ever had registered it. */
  #goneWith(client: Client, stream: DeviceStream): Promise<void> {
    return new Promise((resolve) => {
      stream.on('close', () => {
        client.close();
        if (this.#aedes.clients[client.id] === client) this.#departures.set(client, resolve);
        else resolve();
      });
    });
  }

  /** A session ends for what its device did. Denials have been recorded where they were decided. */
  #noteFailure(client: Client, error: Error): void {
    this.#options.log.debug({ err: error, clientId: client.id }, 'session failed');
    this.#failures.set(client, failureOf(error));
  }

  #reasonOf({ endedBy }: Connection, client: Client): DepartureReason {
    if (endedBy !== null) return endedBy;
    if (client._disconnected) return 'disconnected';
    return this.#failures.get(client) ?? 'connection_lost';
  }

  #dismissFor(connection: Connection, error: unknown): void {
    const { cutOff, log } = this.#options;
    if (!(error instanceof GatehouseError)) log.error({ err: error }, 'the packet gate failed');
    const { code, message } = error instanceof GatehouseError ? error : new GatehouseError('internal');
    cutOff.dismiss(connection, code, message);
  }
}

/** What Aedes says of it is text alone. */
function failureOf(error: Error): DepartureReason {
  if (error instanceof GatehouseError) return error.code;
  return error.message === SILENT ? 'keepalive_timeout' : 'connection_lost';
}
