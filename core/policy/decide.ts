/**
 * The decisions: may this device publish here, subscribe to this, receive that. Each carries the rule that
 * decided and, where refused, a reason for people. In order: `$` is closed, but for what the broker serves there to
 * whoever is granted it; ill-formed is refused, a deny wins, a grant allows, and all else is denied.
 */
import { quote, type TopicFilter } from '../ids.ts';
import type { Grants } from './grants.ts';
import { inSameSystemTree, isSystemTopic } from './system-topics.ts';
import {
  covers,
  intersects,
  isReserved,
  isTopicFilter,
  isTopicName,
  matches,
  topicFilterProblem,
  topicNameProblem,
} from './topic.ts';

export type DenialCode =
  | 'publish_denied'
  | 'subscribe_denied'
  | 'topic_reserved'
  | 'topic_name_invalid'
  | 'topic_filter_invalid';

export interface Allowed {
  readonly allowed: true;
  /** The grant that covers what was asked. */
  readonly rule: TopicFilter;
}
export interface Denied {
  readonly allowed: false;
  readonly code: DenialCode;
  /** The deny that matched; null where no grant did, or where no policy was asked. */
  readonly rule: TopicFilter | null;
  readonly reason: string;
}
export type Decision = Allowed | Denied;

/** May the device publish to `topic`? Called for every message that comes in. */
export function decidePublish(grants: Grants, topic: string): Decision {
  return decideTopic(grants, topic, 'publish');
}

/** May a message of `topic` be handed to the device? Called for every message that goes out. */
export function decideDelivery(grants: Grants, topic: string): Decision {
  return decideTopic(grants, topic, 'subscribe');
}

/**
 * May the device subscribe to `filter`? Only where one grant covers it whole, and no deny reaches into it.
 * Shared subscriptions (`$share/…`) are closed like all else that begins with `$`.
 */
export function decideSubscribe(grants: Grants, filter: string): Decision {
  if (isClosed(grants, filter)) return denied('topic_reserved', null, closedReason(grants, filter));
  if (!isTopicFilter(filter)) {
    return denied('topic_filter_invalid', null, `${quote(filter)}: ${topicFilterProblem(filter)}`);
  }
  const deny = grants.deny.find((rule) => intersects(rule, filter));
  if (deny !== undefined) {
    return denied(
      'subscribe_denied',
      deny,
      `policy "${grants.policy}" denies ${quote(deny)}, and ${quote(filter)} reaches it`,
    );
  }
  const rule = grants.subscribe.find((grant) => covers(grant, filter));
  if (rule !== undefined) return { allowed: true, rule };
  const part = grants.subscribe.find((grant) => intersects(grant, filter));
  const reason = `policy "${grants.policy}" does not grant subscribing to ${quote(filter)}`;
  return denied('subscribe_denied', null, part === undefined ? reason : `${reason}, only to ${quote(part)}`);
}

function decideTopic(grants: Grants, topic: string, action: 'publish' | 'subscribe'): Decision {
  if (action === 'publish' ? isReserved(topic) : isClosed(grants, topic)) {
    return denied('topic_reserved', null, closedReason(grants, topic));
  }
  if (!isTopicName(topic)) {
    return denied('topic_name_invalid', null, `${quote(topic)}: ${topicNameProblem(topic)}`);
  }
  for (const rule of grants.deny) {
    if (matches(rule, topic)) {
      return denied(`${action}_denied`, rule, `policy "${grants.policy}" denies ${quote(rule)}`);
    }
  }
  for (const rule of grants[action]) {
    if (matches(rule, topic)) return { allowed: true, rule };
  }
  const verb = action === 'publish' ? 'publishing to' : 'receiving';
  return denied(`${action}_denied`, null, `policy "${grants.policy}" does not grant ${verb} ${quote(topic)}`);
}

function denied(code: DenialCode, rule: TopicFilter | null, reason: string): Denied {
  return { allowed: false, code, rule, reason };
}

/** Whether it begins with `$`, and the policy names nothing of that tree. */
function isClosed(grants: Grants, text: string): boolean {
  return isReserved(text) && !grants.subscribe.some((rule) => inSameSystemTree(rule, text));
}

function closedReason({ policy }: Grants, text: string): string {
  const what = `${quote(text)} begins with $, which is closed to devices`;
  return isSystemTopic(text) ? `${what}, and policy "${policy}" does not open it` : what;
}
