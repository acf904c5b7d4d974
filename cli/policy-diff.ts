/** The difference of two policies for people: a line for each rule that goes or comes, and for each limit. */
import type { RulesDiff } from '../core/policy/policy-diff.ts';

const lists = ['publish', 'subscribe', 'deny'] as const;
const WIDTH = Math.max(...lists.map(({ length }) => length));

/** As they are written: what shows them makes them fit for a terminal. */
export function linesOfRules({ added, removed, limits }: RulesDiff): string[] {
  const rules = lists.flatMap((list) => [
    ...removed[list].map((rule) => `  - ${list.padEnd(WIDTH)}  ${rule}`),
    ...added[list].map((rule) => `  + ${list.padEnd(WIDTH)}  ${rule}`),
  ]);
  const others = limits.map(({ limit, from, to }) =>
    from === null ? `  + limits.${limit}: ${to}` : `  limits.${limit}: from ${from} to ${to}`,
  );
  return [...rules, ...others];
}
