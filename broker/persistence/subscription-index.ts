/**
 * Which durable sessions a topic is for, by the filters of QoS 1 and 2 that they have subscribed to. A branch for each
 * level, so that a look-up goes only where a filter can match; and since devices publish to few topics again and again,
 * what was found for a topic is remembered until a subscription changes.
 */
import type { Subscription } from 'aedes';
import { isReserved } from '../../core/policy/topic.ts';
import type { SessionRecord } from './session-record.ts';

/** Topics whose receivers are remembered, how long they may be, and how many receivers of all of them together. */
const REMEMBERED = 10_000;
const REMEMBERED_LENGTH = 256;
const REMEMBERED_RECEIVERS = 200_000;

export interface Match {
  readonly session: SessionRecord;
  readonly subscription: Subscription;
}

class Branch {
  /** By session; a Map, because a level may be called `__proto__`. */
  readonly subscribers = new Map<SessionRecord, Subscription>();
  readonly children = new Map<string, Branch>();
}

export class SubscriptionIndex {
  readonly #root = new Branch();
  readonly #remembered = new Map<string, ReadonlyMap<SessionRecord, number>>();
  #size = 0;
  #rememberedReceivers = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  add(session: SessionRecord, subscription: Subscription): void {
    let branch = this.#root;
    for (const level of subscription.topic.split('/')) {
      const next: Branch = branch.children.get(level) ?? new Branch();
      branch.children.set(level, next);
      branch = next;
    }
    if (!branch.subscribers.has(session)) this.#size++;
    branch.subscribers.set(session, subscription);
    this.#forget();
  }

  remove(session: SessionRecord, filter: string): void {
    const levels = filter.split('/');
    const path: Branch[] = [this.#root];
    for (const level of levels) {
      const next = path.at(-1)?.children.get(level);
      if (next === undefined) return;
      path.push(next);
    }
    if (path.at(-1)?.subscribers.delete(session)) this.#size--;
    this.#forget();
    for (let depth = levels.length; depth > 0; depth--) {
      const branch = path[depth];
      if (branch === undefined || branch.subscribers.size > 0 || branch.children.size > 0) return;
      path[depth - 1]?.children.delete(levels[depth - 1] ?? '');
    }
  }

  /** Each session once, with the highest QoS among its filters that match [MQTT-3.3.5-1]. */
  receiversOf(topic: string): ReadonlyMap<SessionRecord, number> {
    const known = this.#remembered.get(topic);
    if (known !== undefined) return known;
    const receivers = new Map<SessionRecord, number>();
    for (const { session, subscription } of this.matching(topic)) {
      receivers.set(session, Math.max(receivers.get(session) ?? 0, subscription.qos));
    }
    this.#remember(topic, receivers);
    return receivers;
  }

  #remember(topic: string, receivers: ReadonlyMap<SessionRecord, number>): void {
    const count = this.#rememberedReceivers + receivers.size;
    if (this.#remembered.size >= REMEMBERED || count > REMEMBERED_RECEIVERS) this.#forget();
    if (topic.length > REMEMBERED_LENGTH || receivers.size > REMEMBERED_RECEIVERS) return;
    this.#remembered.set(topic, receivers);
    this.#rememberedReceivers += receivers.size;
  }

  #forget(): void {
    this.#remembered.clear();
    this.#rememberedReceivers = 0;
  }

  /** Every subscription that matches. */
  *matching(topic: string): Generator<Match> {
    const levels = topic.split('/');
    const ahead: { readonly branch: Branch; readonly depth: number }[] = [{ branch: this.#root, depth: 0 }];
    for (let step = ahead.pop(); step !== undefined; step = ahead.pop()) {
      const { branch, depth } = step;
      const level = levels[depth];
      const mayBeWild = depth > 0 || !isReserved(topic); // [MQTT-4.7.2-1]
      // "a/#" matches its parent level "a" as well (§4.7.1.2).
      const rest = mayBeWild ? branch.children.get('#') : undefined;
      if (rest !== undefined) yield* matchesOf(rest);
      if (level === undefined) {
        yield* matchesOf(branch);
        continue;
      }
      for (const next of [branch.children.get(level), mayBeWild ? branch.children.get('+') : undefined]) {
        if (next !== undefined) ahead.push({ branch: next, depth: depth + 1 });
      }
    }
  }
}

function* matchesOf({ subscribers }: Branch): Generator<Match> {
  for (const [session, subscription] of subscribers) yield { session, subscription };
}
