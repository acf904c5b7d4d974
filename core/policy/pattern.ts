/**
 * A topic filter with variables: `{id}`, `{group}` and `{attr.NAME}`, each filled in for one device. What a
 * variable stands for never adds a level or a wildcard: whatever could is told apart here.
 */
import type { TopicFilter } from '../ids.ts';
import {
  fillVariables,
  type TemplateSubject,
  templateProblem,
  variablesOf,
  variableValue,
} from '../template.ts';
import { isReserved, isTopicFilter, isTopicName, parseTopicFilter, topicFilterProblem } from './topic.ts';

export { ATTRIBUTE_NAME, type TemplateSubject as PolicySubject } from '../template.ts';

/** A checked pattern, level by level. Only `parsePattern` makes one. */
export interface TopicPattern {
  readonly levels: readonly string[];
}

const EVERYTHING = parseTopicFilter('#');

/** The pattern, or what is wrong with `text`, as the end of a sentence. */
export function parsePattern(text: string): TopicPattern | { readonly problem: string } {
  const problem = templateProblem(text) ?? topicFilterProblem(fillVariables(text, () => 'x'));
  return problem === null ? { levels: text.split('/') } : { problem };
}

/** The filter for one device; undefined where a variable has no value, or one that could mean another topic. */
export function fillGrant(pattern: TopicPattern, subject: TemplateSubject): TopicFilter | undefined {
  const levels: string[] = [];
  for (const level of pattern.levels) {
    const filled = fillLevel(level, subject);
    if (filled.kind !== 'filled') return undefined;
    levels.push(filled.text);
  }
  const filter = levels.join('/');
  // What the broker keeps to itself is granted by name alone, and never because an attribute happens to say `$SYS`.
  if (isReserved(filter) && !isReserved(pattern.levels[0] ?? '')) return undefined;
  return isTopicFilter(filter) ? filter : undefined;
}

/**
 * The filter for one device, widened where it cannot be exact, so that a deny never denies less than was meant:
 * a level whose variable is missing becomes `+`, and one whose value could add levels ends the filter with `#`.
 */
export function fillDeny(pattern: TopicPattern, subject: TemplateSubject): TopicFilter {
  const levels: string[] = [];
  for (const level of pattern.levels) {
    const filled = fillLevel(level, subject);
    levels.push({ filled: filled.text, missing: '+', unsafe: '#' }[filled.kind]);
    if (filled.kind === 'unsafe') break;
  }
  const filter = levels.join('/');
  return isTopicFilter(filter) ? filter : EVERYTHING;
}

function fillLevel(level: string, subject: TemplateSubject) {
  if (!level.includes('{')) return { kind: 'filled', text: level } as const; // most are
  const fill = (variable: string) => variableValue(variable, subject);
  const values = variablesOf(level).map(fill);
  const kind = values.some(isUnsafe) ? 'unsafe' : values.includes('') ? 'missing' : 'filled';
  return { kind, text: fillVariables(level, fill) } as const;
}

function isUnsafe(value: string): boolean {
  return value !== '' && (value.includes('/') || !isTopicName(value));
}
