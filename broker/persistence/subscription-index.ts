/**
 * Which sessions a topic is for, by the filters that they have subscribed to: durable ones that are away among them. A
 * branch for each level, so that a look-up goes only where a filter can match; and since devices publish to few topics again
 * and again, what was found for a topic is remembered until a subscription changes that matches it.
 */
import type { Subscription } from 'aedes';
import type { Grants } from '../../core/policy/grants.ts';
import { isReserved } from '../../core/policy/topic.ts';
import type { Subscriber } from './session-record.ts';
import { TopicTree } from './topic-tree.ts';

/** Topics whose receivers are remembered, how long they may be, and how many receivers of all of them together. */
const REMEMBERED = 10_000;
const REMEMBERED_LENGTH = 256;
const REMEMBERED_RECEIVERS = 200_000;
/** In the search for topics that a changed subscription matches; where it takes more, all are forgotten. */
const SEARCH_STEPS = 200;

export interface Match {
  readonly subscriber: Subscriber;
  readonly subscription: Subscription;
}

/** That a topic was allowed, for as long as the grants that allowed it are those of the session: they never change. */
export interface Approval {
  allowedBy: Grants | null;
}

/** To receive what is published to a topic; `allowedBy` is the subscriber's. */
export interface Recipient extends Approval {
  readonly subscriber: Subscriber;
  /** The highest among its filters that match [MQTT-3.3.5-1]. */
  readonly qos: 0 | 1 | 2;
}

/** What is known of a topic; `allowedBy` is of whoever published to it last. */
export interface Route extends Approval {
  /** Each subscriber once. */
  readonly recipients: readonly Recipient[];
}

class Branch {
  /** By subscriber; a Map, because a level may be called `__proto__`. */
  readonly subscribers = new Map<Subscriber, Subscription>();
  readonly children = new Map<string, Branch>();
}

export class SubscriptionIndex {
  readonly #root = new Branch();
  readonly #remembered = new Map<string, Route>();
  /** The same topics, to be found by filter. */
  #topics = new TopicTree<string>();
  #rememberedReceivers = 0;
  #reserved = 0;

  /** Whether there are any to the topics that the broker itself serves. */
  get hasReserved(): boolean {
    return this.#reserved > 0;
  }

  add(subscriber: Subscriber, subscription: Subscription): void {
    let branch = this.#root;
    for (const level of subscription.topic.split('/')) {
      const next: Branch = branch.children.get(level) ?? new Branch();
      branch.children.set(level, next);
      branch = next;
    }
    if (isReserved(subscription.topic) && !branch.subscribers.has(subscriber)) this.#reserved++;
    branch.subscribers.set(subscriber, subscription);
    this.#forget(subscription.topic);
  }

  remove(subscriber: Subscriber, filter: string): void {
    const levels = filter.split('/');
    const path: Branch[] = [this.#root];
    for (const level of levels) {
      const next = path.at(-1)?.children.get(level);
      if (next === undefined) return;
      path.push(next);
    }
    if (path.at(-1)?.subscribers.delete(subscriber) && isReserved(filter)) this.#reserved--;
    this.#forget(filter);
    for (let depth = levels.length; depth > 0; depth--) {
      const branch = path[depth];
      if (branch === undefined || branch.subscribers.size > 0 || branch.children.size > 0) return;
      path[depth - 1]?.children.delete(levels[depth - 1] ?? '');
    }
  }

  /** Remembered, as far as there is room. */
  routeOf(topic: string): Route {
    const known = this.#remembered.get(topic);
    if (known !== undefined) return known;
    const route = this.find(topic);
    this.#remember(topic, route);
    return route;
  }

  /** For topics that hardly come again. */
  find(topic: string): Route {
    const granted = new Map<Subscriber, 0 | 1 | 2>();
    for (const { subscriber, subscription } of this.matching(topic)) {
      if (subscription.qos >= (granted.get(subscriber) ?? 0)) granted.set(subscriber, subscription.qos);
    }
    const recipients = Array.from(granted, ([subscriber, qos]) => ({ subscriber, qos, allowedBy: null }));
    return { recipients, allowedBy: null };
  }

  #remember(topic: string, route: Route): void {
    const { length } = route.recipients;
    if (this.#remembered.size >= REMEMBERED || this.#rememberedReceivers + length > REMEMBERED_RECEIVERS) {
      this.#forgetAll();
    }
    if (topic.length > REMEMBERED_LENGTH || length > REMEMBERED_RECEIVERS) return;
    this.#remembered.set(topic, route);
    this.#topics.set(topic, topic);
    this.#rememberedReceivers += length;
  }

  #forget(filter: string): void {
    const changed: string[] = [];
    let steps = 0;
    for (const topic of this.#topics.matching(filter)) {
      if (++steps > SEARCH_STEPS) {
        this.#forgetAll();
        return;
      }
      if (topic !== undefined) changed.push(topic);
    }
    for (const topic of changed) {
      this.#rememberedReceivers -= this.#remembered.get(topic)?.recipients.length ?? 0;
      this.#remembered.delete(topic);
      this.#topics.delete(topic);
    }
  }

  #forgetAll(): void {
    if (this.#remembered.size === 0) return;
    this.#remembered.clear();
    this.#topics = new TopicTree();
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
  for (const [subscriber, subscription] of subscribers) yield { subscriber, subscription };
}
