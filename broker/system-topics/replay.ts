/**
 * What a new subscription is given first: the retained messages that match, and how things stand where the broker serves the
 * topics itself. One after another for each session, as it takes them, since there may be a million of them. What is retained
 * from the subscription on comes by it, and not from here as well: it is told as new [MQTT-3.3.1-9].
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
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

/** Steps of the search for retained messages after which others get their turn. */
const STEPS_A_TURN = 1_000;

interface Asked {
  readonly qos: QoS;
  /** Number of the last retained message from before the subscription. */
  readonly before: number;
}

export class Replay {
  readonly #options: ReplayOptions;
  /** What sessions wait for, by filter, what they are being given first. Whoever asks once more is given it once more. */
  readonly #waiting = new WeakMap<Outbox, Map<string, Asked>>();

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /**
   * @param subscriptions that are new, or anew, with the QoS that was granted
   * @param before number of the last retained message from before they took effect
   */
  begin(subscriptions: readonly Subscription[], outbox: Outbox, before: number): void {
    const known = this.#waiting.get(outbox);
    const waiting = known ?? new Map<string, Asked>();
    for (const { topic, qos } of subscriptions) {
      waiting.delete(topic);
      waiting.set(topic, { qos, before });
    }
    if (known === undefined && waiting.size > 0) void this.#run(outbox, waiting);
  }

  /** @param filters that it is not subscribed to any more: it gets no more by them [MQTT-3.10.4-2] */
  end(filters: readonly string[], outbox: Outbox): void {
    const waiting = this.#waiting.get(outbox);
    for (const filter of filters) waiting?.delete(filter);
  }

  async #run(outbox: Outbox, waiting: Map<string, Asked>): Promise<void> {
    this.#waiting.set(outbox, waiting);
    try {
      for (const [filter, asked] of waiting) {
        const isWanted = () => !outbox.isClosed && waiting.get(filter) === asked;
        if (isSystemTopic(filter)) await this.#tell(filter as TopicFilter, outbox, isWanted);
        else await this.#hand(filter, asked, outbox, isWanted);
        if (waiting.get(filter) === asked) waiting.delete(filter);
      }
    } catch (error) {
      if (!(error instanceof GatehouseError))
        this.#options.log.error({ err: error }, 'nothing retained could be told');
    } finally {
      this.#waiting.delete(outbox);
    }
  }

  async #tell(filter: TopicFilter, outbox: Outbox, isWanted: () => boolean): Promise<void> {
    for (const source of this.#options.sources) {
      for await (const { topic, payload } of source.matching(filter)) {
        await outbox.room();
        if (!isWanted()) return;
        await outbox.deliverRetained({ topic, payload: Buffer.from(payload), qos: 0 }, 0);
      }
    }
  }

  /** Nothing may come between the look at a message and its delivery, or it could be out of date by then. */
  async #hand(filter: string, asked: Asked, outbox: Outbox, isWanted: () => boolean): Promise<void> {
    const search = this.#options.store.retained.walk(filter, asked.before);
    for (let step = 1; ; step++) {
      if (step % STEPS_A_TURN === 0) await nextTurn();
      if (outbox.isBusy) await outbox.room();
      if (!isWanted()) return;
      const { done, value } = search.next();
      if (done === true) return;
      if (value === undefined) continue;
      const { topic, payload, qos } = value;
      const text = { topic, payload: Buffer.from(payload), qos };
      const isTaken = outbox.deliverRetained(text, Math.min(qos, asked.qos) as QoS);
      if (isTaken !== null) await isTaken;
    }
  }
}
