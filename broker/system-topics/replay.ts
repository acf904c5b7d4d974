/**
 * What a new subscription to the broker's own topics is given first: how things stand, as retained messages. One after
 * another for each client, each when the one before it is on its way, since there may be a million of them.
 */
import type { Client, Subscription } from 'aedes';
import type { TopicFilter, TopicName } from '../../core/ids.ts';
import { isSystemTopic } from '../../core/policy/system-topics.ts';
import type { Logger } from '../../runtime/log.ts';
import { systemPacket } from './system-topics.ts';

export interface SystemMessage {
  readonly topic: TopicName;
  readonly payload: string;
}

/** Whoever serves a part of these topics. */
export interface SystemSource {
  /** What stands at the topics that the filter matches. */
  matching(filter: TopicFilter): AsyncIterable<SystemMessage> | Iterable<SystemMessage>;
}

/** What Aedes says in place of the granted QoS where it is none. */
const REFUSED = 128;

export class Replay {
  readonly #sources: readonly SystemSource[];
  readonly #log: Logger;
  /** The filters that a client waits for. To ask for one twice meanwhile changes nothing. */
  readonly #waiting = new WeakMap<Client, Set<TopicFilter>>();

  constructor({ sources, log }: { readonly sources: readonly SystemSource[]; readonly log: Logger }) {
    this.#sources = sources;
    this.#log = log;
  }

  /** @param subscriptions of a SUBSCRIBE that was answered, with the QoS that was granted */
  begin(subscriptions: readonly Subscription[], client: Client): void {
    const filters = subscriptions.flatMap(({ topic, qos }) =>
      isSystemTopic(topic) && Number(qos) !== REFUSED ? [topic as TopicFilter] : [],
    );
    if (filters.length === 0) return;
    const waiting = this.#waiting.get(client);
    for (const filter of filters) waiting?.add(filter);
    if (waiting === undefined) void this.#run(client, new Set(filters));
  }

  async #run(client: Client, waiting: Set<TopicFilter>): Promise<void> {
    this.#waiting.set(client, waiting);
    try {
      for (const filter of waiting) {
        waiting.delete(filter); // whoever asks from now on is given it once more
        for (const source of this.#sources) await send(source.matching(filter), client);
      }
    } catch (error) {
      this.#log.error({ err: error, clientId: client.id }, "the broker's own topics could not be told");
    } finally {
      this.#waiting.delete(client);
    }
  }
}

async function send(
  messages: AsyncIterable<SystemMessage> | Iterable<SystemMessage>,
  client: Client,
): Promise<void> {
  for await (const { topic, payload } of messages) {
    if (client.closed) return;
    // Without a broker id Aedes does not ask whether the client was given it before.
    const packet = { ...systemPacket(topic, payload), retain: true };
    await new Promise<void>((sent) => client.deliver0(packet, sent));
  }
}
