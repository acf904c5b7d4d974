/**
 * What a new subscription is given first: the retained messages that match, and how things stand where the broker serves the
 * topics itself. One after another for each session, as it takes them, since there may be a million of them.
 */
import type { Subscription } from 'aedes';
import { GatehouseError } from '../../core/errors.ts';
import type { TopicFilter, TopicName } from '../../core/ids.ts';
import { isSystemTopic } from '../../core/policy/system-topics.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Outbox } from '../delivery/outbox.ts';
import type { QoS } from '../delivery/publication.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';

export interface SystemMessage {
  readonly topic: TopicName;
  readonly payload: string;
}

/** Whoever serves a part of these topics. */
export interface SystemSource {
  /** What stands at the topics that the filter matches. */
  matching(filter: TopicFilter): AsyncIterable<SystemMessage> | Iterable<SystemMessage>;
}

export interface ReplayOptions {
  readonly sources: readonly SystemSource[];
  readonly store: Pick<GuardedStore, 'retained'>;
  readonly log: Logger;
}

export class Replay {
  readonly #options: ReplayOptions;
  /** What sessions wait for. To ask for a filter twice meanwhile changes nothing. */
  readonly #waiting = new WeakMap<Outbox, Map<string, QoS>>();

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** @param subscriptions that are new, or anew, with the QoS that was granted */
  begin(subscriptions: readonly Subscription[], outbox: Outbox): void {
    const known = this.#waiting.get(outbox);
    const waiting = known ?? new Map<string, QoS>();
    for (const { topic, qos } of subscriptions) waiting.set(topic, qos);
    if (known === undefined && waiting.size > 0) void this.#run(outbox, waiting);
  }

  async #run(outbox: Outbox, waiting: Map<string, QoS>): Promise<void> {
    this.#waiting.set(outbox, waiting);
    try {
      for (const [filter, qos] of waiting) {
        waiting.delete(filter); // whoever asks from now on is given it once more
        if (isSystemTopic(filter)) await this.#tell(filter as TopicFilter, outbox);
        else await this.#hand(filter, qos, outbox);
      }
    } catch (error) {
      if (!(error instanceof GatehouseError))
        this.#options.log.error({ err: error }, 'nothing retained could be told');
    } finally {
      this.#waiting.delete(outbox);
    }
  }

  async #tell(filter: TopicFilter, outbox: Outbox): Promise<void> {
    for (const source of this.#options.sources) {
      for await (const { topic, payload } of source.matching(filter)) {
        await outbox.room();
        if (outbox.isClosed) return;
        outbox.deliverRetained({ topic, payload: Buffer.from(payload), qos: 0 }, 0);
      }
    }
  }

  async #hand(filter: string, granted: QoS, outbox: Outbox): Promise<void> {
    for await (const { topic, payload, qos } of this.#options.store.retained.find(filter)) {
      await outbox.room();
      if (outbox.isClosed) return;
      outbox.deliverRetained({ topic, payload: Buffer.from(payload), qos }, Math.min(qos, granted) as QoS);
    }
  }
}
