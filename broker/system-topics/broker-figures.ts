/**
 * `$SYS/broker/…`: the broker's figures, by the names that Mosquitto gives them where it has them, every ten seconds and
 * whenever somebody subscribes. What is counted is counted for /metrics; here it is only read.
 */
import { Socket } from 'node:net';
import type { Registry } from 'prom-client';
import type { Clock } from '../../core/clock.ts';
import type { TopicFilter, TopicName } from '../../core/ids.ts';
import { figureTopic } from '../../core/policy/system-topics.ts';
import { matches } from '../../core/policy/topic.ts';
import type { Logger } from '../../runtime/log.ts';
import type { LineFigures } from '../front/waiting-line.ts';
import type { StoreFigures } from '../persistence/guarded-store.ts';
import type { Connection } from '../sessions/connection.ts';
import type { LiveTable } from '../sessions/live-table.ts';
import type { SystemMessage, SystemSource } from './replay.ts';
import type { SystemTopics } from './system-topics.ts';

const INTERVAL_MS = 10_000;

export interface BrokerFiguresOptions {
  readonly metrics: Registry;
  readonly live: LiveTable;
  readonly store: { figures(): StoreFigures };
  /** Sessions that outlive their connection. */
  readonly durable: { readonly count: number };
  readonly line: { figures(): LineFigures };
  /** Filters that are subscribed to now. */
  readonly subscriptions: () => number;
  readonly topics: Pick<SystemTopics, 'publish'>;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export class BrokerFigures implements SystemSource {
  readonly #options: BrokerFiguresOptions;
  readonly #startedAt: number;
  readonly #told = new Map<TopicName, string>();
  readonly #timer: NodeJS.Timeout;
  #clients = 0;
  #mostClients = 0;
  /** Bytes of sessions that have ended. */
  #received = 0;
  #sent = 0;

  constructor(options: BrokerFiguresOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#timer = setInterval(() => {
      this.#refresh().catch((error: unknown) => options.log.error({ err: error }, 'no figures for $SYS'));
    }, INTERVAL_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** CONNACK is sent. */
  arrived(): void {
    this.#clients++;
    this.#mostClients = Math.max(this.#mostClients, this.#clients);
  }

  /** A session that had arrived is gone. */
  departed(connection: Connection): void {
    const { received, sent } = trafficOf([connection]);
    this.#clients--;
    this.#received += received;
    this.#sent += sent;
  }

  async *matching(filter: TopicFilter): AsyncGenerator<SystemMessage> {
    if (!filter.startsWith('$SYS/')) return;
    for (const [topic, payload] of await this.#collect())
      if (matches(filter, topic)) yield { topic, payload };
  }

  /** Tells of those that have changed. */
  async #refresh(): Promise<void> {
    for (const [topic, payload] of await this.#collect()) {
      if (this.#told.get(topic) === payload) continue;
      this.#told.set(topic, payload);
      this.#options.topics.publish(topic, payload);
    }
  }

  async #collect(): Promise<Map<TopicName, string>> {
    const { live, store, durable, line, subscriptions, clock, version } = this.#options;
    const { retainedMessages, queuedMessages, queuedBytes } = store.figures();
    const { waiting, unproven } = line.figures();
    const attached = live.all().filter(({ client }) => client !== null);
    const traffic = trafficOf(attached);
    const away = Math.max(0, durable.count - attached.filter(({ client }) => client?.clean === false).length);
    const messages = await this.#samples('messages_total');
    const figures: Record<string, string | number> = {
      version: `gatehouse ${version}`,
      uptime: `${Math.floor((clock.now() - this.#startedAt) / 1_000)} seconds`,
      'clients/connected': this.#clients,
      'clients/disconnected': away,
      'clients/total': this.#clients + away,
      'clients/maximum': this.#mostClients,
      'bytes/received': this.#received + traffic.received,
      'bytes/sent': this.#sent + traffic.sent,
      'publish/messages/received': sumOf(messages, { direction: 'in' }),
      'publish/messages/sent': sumOf(messages, { direction: 'out' }),
      'publish/messages/dropped': sumOf(await this.#samples('queue_dropped_total')),
      'subscriptions/count': subscriptions(),
      'retained messages/count': retainedMessages,
      'store/messages/count': queuedMessages,
      'store/messages/bytes': queuedBytes,
      'connections/waiting': waiting,
      'connections/unproven': unproven,
    };
    for (const { labels, value } of await this.#samples('handshakes_total')) {
      figures[`handshakes/${labels.kind}`] = value;
    }
    figures['handshakes/failed'] = sumOf(await this.#samples('handshakes_failed_total'));
    for (const { labels, value } of await this.#samples('refused_total')) {
      figures[`refused/${labels.rule}`] = value;
    }
    for (const { labels, value } of await this.#samples('denied_total')) {
      figures[`denied/${labels.action}/${labels.rule}`] = value;
    }
    for (const { labels, value } of await this.#samples('cut_off_total')) {
      figures[`cut off/${labels.rule}`] = value;
    }
    return new Map(Object.entries(figures).map(([name, value]) => [figureTopic(name), String(value)]));
  }

  /** Of one metric, by its name without `gatehouse_broker_`. */
  async #samples(name: string): Promise<readonly Sample[]> {
    const metric = this.#options.metrics.getSingleMetric(`gatehouse_broker_${name}`);
    return (await metric?.get())?.values ?? [];
  }
}

interface Sample {
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly value: number;
}

function sumOf(samples: readonly Sample[], wanted: Readonly<Record<string, string>> = {}): number {
  const isWanted = ({ labels }: Sample) =>
    Object.entries(wanted).every(([name, value]) => labels[name] === value);
  return samples.filter(isWanted).reduce((sum, { value }) => sum + value, 0);
}

/** What passed within TLS. */
function trafficOf(connections: readonly Connection[]): { readonly received: number; readonly sent: number } {
  let [received, sent] = [0, 0];
  for (const { socket } of connections) {
    if (!(socket instanceof Socket)) continue;
    received += socket.bytesRead;
    sent += socket.bytesWritten;
  }
  return { received, sent };
}
