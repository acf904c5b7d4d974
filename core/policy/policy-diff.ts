/**
 * What tells two versions of a policy apart, rule by rule as they are written. Which rule stands before which decides
 * nothing, and is no difference: a deny wins wherever it is, and any grant grants.
 */
import type { TopicPattern } from './pattern.ts';
import type { Limits, Policy } from './policy.ts';

const lists = ['publish', 'subscribe', 'deny'] as const;
const limitNames = ['messagesPerSecond', 'bytesPerSecond', 'maxPayload'] as const;

/** Rules as they are written, variables and all. */
export type RuleTexts = Readonly<Record<(typeof lists)[number], readonly string[]>>;

export interface LimitChange {
  readonly limit: keyof Limits;
  /** Null where there is no policy of that name. */
  readonly from: number | null;
  readonly to: number;
}

export interface RulesDiff {
  readonly added: RuleTexts;
  readonly removed: RuleTexts;
  readonly limits: readonly LimitChange[];
}

export interface PolicyDiff extends RulesDiff {
  readonly description: { readonly from: string; readonly to: string } | null;
}

/** @param before undefined where there is none: everything is added then */
export function diffPolicies(before: Policy | undefined, after: Policy): PolicyDiff {
  const [old, now] = [before === undefined ? NO_RULES : textsOf(before), textsOf(after)];
  const from = before?.description ?? '';
  return {
    added: without(now, old),
    removed: without(old, now),
    limits: limitNames
      .map((limit) => ({ limit, from: before?.limits[limit] ?? null, to: after.limits[limit] }))
      .filter((change) => change.from !== change.to),
    description: from === after.description ? null : { from, to: after.description },
  };
}

/** Whether nothing tells them apart. */
export function isSame({ added, removed, limits, description }: PolicyDiff): boolean {
  const rules = lists.flatMap((list) => [...added[list], ...removed[list]]);
  return rules.length === 0 && limits.length === 0 && description === null;
}

const NO_RULES: RuleTexts = { publish: [], subscribe: [], deny: [] };

function textsOf({ publish, subscribe, deny }: Policy): RuleTexts {
  return { publish: publish.map(textOf), subscribe: subscribe.map(textOf), deny: deny.map(textOf) };
}

function textOf({ levels }: TopicPattern): string {
  return levels.join('/');
}

/** The rules of `some` that are not among `others`, each once. */
function without(some: RuleTexts, others: RuleTexts): RuleTexts {
  const rest = (list: (typeof lists)[number]) => {
    const known = new Set(others[list]);
    return [...new Set(some[list])].filter((rule) => !known.has(rule));
  };
  return { publish: rest('publish'), subscribe: rest('subscribe'), deny: rest('deny') };
}
