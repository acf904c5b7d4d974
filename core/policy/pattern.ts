/**
 * A topic filter with variables: `{id}`, `{group}` and `{attr.NAME}`, each filled in for one device. What a
 * variable stands for never adds a level or a wildcard: whatever could is told apart here.
 */
import type { DeviceId, EntityName, TopicFilter } from '../ids.ts';
import { isTopicFilter, isTopicName, parseTopicFilter, topicFilterProblem } from './topic.ts';

/** The device that a policy is applied to. */
export interface PolicySubject {
  readonly id: DeviceId;
  readonly group: EntityName;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A checked pattern, level by level. Only `parsePattern` makes one. */
export interface TopicPattern {
  readonly levels: readonly string[];
}

/** What an attribute of a device may be called. */
export const ATTRIBUTE_NAME = /^[a-z][a-z0-9_]{0,31}$/;

const VARIABLE = /\{([^{}]*)\}/g;
const ATTRIBUTE = 'attr.';
const EVERYTHING = parseTopicFilter('#');

/** The pattern, or what is wrong with `text`, as the end of a sentence. */
export function parsePattern(text: string): TopicPattern | { readonly problem: string } {
  for (const [variable, name = ''] of text.matchAll(VARIABLE)) {
    if (!isVariable(name)) {
      return { problem: `there is no variable ${variable}; there are {id}, {group} and {attr.NAME}` };
    }
  }
  const sample = text.replaceAll(VARIABLE, 'x');
  if (/[{}]/.test(sample)) return { problem: 'braces enclose a variable: {id}, {group} or {attr.NAME}' };
  const problem = topicFilterProblem(sample);
  return problem === null ? { levels: text.split('/') } : { problem };
}

/** The filter for one device; undefined where a variable has no value, or one that could mean another topic. */
export function fillGrant(pattern: TopicPattern, subject: PolicySubject): TopicFilter | undefined {
  const levels: string[] = [];
  for (const level of pattern.levels) {
    const filled = fillLevel(level, subject);
    if (filled.kind !== 'filled') return undefined;
    levels.push(filled.text);
  }
  const filter = levels.join('/');
  return isTopicFilter(filter) ? filter : undefined;
}

/**
 * The filter for one device, widened where it cannot be exact, so that a deny never denies less than was meant:
 * a level whose variable is missing becomes `+`, and one whose value could add levels ends the filter with `#`.
 */
export function fillDeny(pattern: TopicPattern, subject: PolicySubject): TopicFilter {
  const levels: string[] = [];
  for (const level of pattern.levels) {
    const filled = fillLevel(level, subject);
    levels.push({ filled: filled.text, missing: '+', unsafe: '#' }[filled.kind]);
    if (filled.kind === 'unsafe') break;
  }
  const filter = levels.join('/');
  return isTopicFilter(filter) ? filter : EVERYTHING;
}

function isVariable(name: string): boolean {
  if (name === 'id' || name === 'group') return true;
  return name.startsWith(ATTRIBUTE) && ATTRIBUTE_NAME.test(name.slice(ATTRIBUTE.length));
}

function fillLevel(level: string, subject: PolicySubject) {
  const values = Array.from(level.matchAll(VARIABLE), ([, name = '']) => variableValue(name, subject));
  const kind = values.some(isUnsafe) ? 'unsafe' : values.includes('') ? 'missing' : 'filled';
  return { kind, text: level.replaceAll(VARIABLE, () => values.shift() ?? '') } as const;
}

function isUnsafe(value: string): boolean {
  return value !== '' && (value.includes('/') || !isTopicName(value));
}

/** An attribute without a value is as good as none: both are ''. */
function variableValue(name: string, { id, group, attributes }: PolicySubject): string {
  if (name === 'id') return id;
  if (name === 'group') return group;
  const attribute = name.slice(ATTRIBUTE.length);
  return Object.hasOwn(attributes, attribute) ? (attributes[attribute] ?? '') : '';
}
