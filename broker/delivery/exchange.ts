/**
 * The messages of all who are connected, beside Aedes: it goes on to say who is there and has subscribed to what, and no
 * message passes through it.
 *
 * What each connection is made with is spelt out, and not spread from other objects: V8 gives each object that is made by
 * spreading a hidden class of its own, and what reads it for each message would be compiled anew with each connection.
 */
import type { Client, PublishPacket, Subscription } from 'aedes';
import type { Authorizer } from '../authorization/authorizer.ts';
import type { DeviceStream } from '../front/device-stream.ts';
import type { BrokerLimits } from '../limits.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';
import type { QueueOverflows } from '../reports/queue-overflows.ts';
import type { Connection } from '../sessions/connection.ts';
import type { Replay } from '../system-topics/replay.ts';
import { CleanOutbox } from './clean-outbox.ts';
import { DurableOutbox } from './durable-outbox.ts';
import { Inbound } from './inbound.ts';
import { Intake } from './intake.ts';
import type { Judge, Outbox } from './outbox.ts';
import { Publication } from './publication.ts';
import { Router } from './router.ts';

export interface ExchangeOptions {
  readonly store: GuardedStore;
  readonly authorizer: Authorizer;
  readonly replay: Replay;
  readonly overflows: Pick<QueueOverflows, 'note'>;
  readonly limits: BrokerLimits;
}

/** What Aedes says in place of the granted QoS where it is none. */
const REFUSED = 128;

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #intake: Intake;
  readonly #router: Router;
  readonly #outboxes = new WeakMap<Client, Outbox>();

  constructor(options: ExchangeOptions) {
    const { database } = options.store;
    this.#options = options;
    this.#intake = new Intake(database);
    this.#router = new Router({ index: database.sessions.index, intake: this.#intake });
  }

  /** CONNACK is sent: messages go in and out until `gone`. */
  open(connection: Connection, client: Client, stream: DeviceStream, gone: Promise<void>): void {
    const { store, authorizer } = this.#options;
    const outbox = this.#outboxOf(connection, client, stream);
    this.#outboxes.set(client, outbox);
    const inbound = new Inbound({
      connection,
      clientId: client.id,
      clean: client.clean,
      router: this.#router,
      authorizer,
      database: store.database,
      output: stream.output,
      outbox,
      sender: stream,
      onUnasked: () => stream.chargeUnasked(),
      onDenied: (refusal) => client.emit('error', refusal), // and so ends
    });
    stream.open((bytes, start, body, end) => {
      // Nothing counts that it sends once its end has begun.
      return !client.closed && inbound.take(bytes, start, body, end);
    });
    void gone.then(() => {
      outbox.close();
      if (outbox instanceof CleanOutbox) this.#unsubscribe(outbox, Object.keys(client.subscriptions));
    });
  }

  /** @param subscriptions of a SUBSCRIBE that is answered, with the QoS that was granted */
  subscribed(subscriptions: readonly Subscription[], client: Client): void {
    const outbox = this.#outboxes.get(client);
    if (outbox === undefined || client.closed) return;
    const granted = subscriptions.filter(({ qos }) => Number(qos) !== REFUSED);
    const { store, replay } = this.#options;
    const before = store.retainedBefore(subscriptions) ?? store.retained.lastNumber;
    if (outbox instanceof CleanOutbox) {
      const { index } = store.database.sessions;
      for (const { topic, qos } of granted) index.add(outbox, { topic, qos });
    }
    replay.begin(granted, outbox, before);
  }

  unsubscribed(filters: readonly string[], client: Client): void {
    const outbox = this.#outboxes.get(client);
    if (outbox === undefined) return;
    if (outbox instanceof CleanOutbox) this.#unsubscribe(outbox, filters);
    this.#options.replay.end(filters, outbox);
  }

  /**
   * A will, which has been found to be allowed. Resolves when it is taken in.
   * @throws GatehouseError `retained_limit`, `session_store_failed`
   */
  async publishWill({ topic, payload, qos, retain }: PublishPacket, clientId: string): Promise<void> {
    const will = Publication.of({ topic, payload: Buffer.from(payload), qos, toBeRetained: retain });
    await this.#router.publish(will, this.#router.routeOf(topic), clientId);
  }

  #outboxOf(connection: Connection, client: Client, stream: DeviceStream): Outbox {
    const { store, authorizer, overflows, limits } = this.#options;
    const judge: Judge = (topic, approval) => authorizer.judge(connection, topic, approval);
    const onOverflow = (count: number) => overflows.note(client.id, count);
    const { output } = stream;
    if (client.clean) {
      const most = { messages: limits.waitingMessages, bytes: limits.waitingBytes };
      const { drainTime } = limits;
      return new CleanOutbox({ output, owner: stream, judge, onOverflow, window: limits, most, drainTime });
    }
    const { database } = store;
    const session = database.sessions.open(client.id);
    const outbox = new DurableOutbox({
      output,
      owner: stream,
      judge,
      onOverflow,
      window: limits,
      database,
      intake: this.#intake,
      session,
    });
    outbox.start();
    return outbox;
  }

  #unsubscribe(outbox: CleanOutbox, filters: readonly string[]): void {
    const { index } = this.#options.store.database.sessions;
    for (const filter of filters) index.remove(outbox, filter);
  }
}
