/** A policy as it stands for one device: its variables filled in, ready to decide by. */
import type { EntityName, TopicFilter } from '../ids.ts';
import { fillDeny, fillGrant, type PolicySubject, type TopicPattern } from './pattern.ts';
import type { Limits, Policy } from './policy.ts';

export type { PolicySubject } from './pattern.ts';

export interface Grants {
  readonly policy: EntityName;
  readonly limits: Limits;
  readonly publish: readonly TopicFilter[];
  readonly subscribe: readonly TopicFilter[];
  readonly deny: readonly TopicFilter[];
}

/**
 * Fills the variables in. A grant that cannot be filled in exactly grants nothing; a deny that cannot denies
 * the widest that it can mean.
 */
export function bindPolicy(policy: Policy, subject: PolicySubject): Grants {
  const grant = (pattern: TopicPattern) => fillGrant(pattern, subject) ?? [];
  return {
    policy: policy.name,
    limits: policy.limits,
    publish: policy.publish.flatMap(grant),
    subscribe: policy.subscribe.flatMap(grant),
    deny: policy.deny.map((pattern) => fillDeny(pattern, subject)),
  };
}
