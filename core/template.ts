/**
 * Text with variables, `{id}`, `{group}` and `{attr.NAME}`, that stand for something else with each device: in the
 * topics of a policy, and in the names of a certificate.
 */
import type { DeviceId, EntityName } from './ids.ts';

/** The device that a template is filled in for. */
export interface TemplateSubject {
  readonly id: DeviceId;
  readonly group: EntityName;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What an attribute of a device may be called. */
export const ATTRIBUTE_NAME = /^[a-z][a-z0-9_]{0,31}$/;

const VARIABLE = /\{([^{}]*)\}/g;
const ATTRIBUTE = 'attr.';

/** What is wrong with a template, as the end of a sentence; null where nothing is. */
export function templateProblem(text: string): string | null {
  const unknown = variablesOf(text).find((variable) => !isVariable(variable));
  if (unknown !== undefined) {
    return `there is no variable {${unknown}}; there are {id}, {group} and {attr.NAME}`;
  }
  const hasLooseBrace = /[{}]/.test(fillVariables(text, () => ''));
  return hasLooseBrace ? 'braces enclose a variable: {id}, {group} or {attr.NAME}' : null;
}

/** The variables of a template as they follow one another, without their braces. */
export function variablesOf(text: string): string[] {
  return Array.from(text.matchAll(VARIABLE), ([, variable = '']) => variable);
}

export function fillVariables(text: string, value: (variable: string) => string): string {
  return text.replaceAll(VARIABLE, (_whole, variable: string) => value(variable));
}

/** What a variable stands for with a device. An attribute without a value is as good as none: both are ''. */
export function variableValue(variable: string, { id, group, attributes }: TemplateSubject): string {
  if (variable === 'id') return id;
  if (variable === 'group') return group;
  const attribute = attributeOf(variable) ?? '';
  return Object.hasOwn(attributes, attribute) ? (attributes[attribute] ?? '') : '';
}

/** The NAME of `attr.NAME`; undefined for the other variables. */
export function attributeOf(variable: string): string | undefined {
  return variable.startsWith(ATTRIBUTE) ? variable.slice(ATTRIBUTE.length) : undefined;
}

function isVariable(variable: string): boolean {
  return variable === 'id' || variable === 'group' || ATTRIBUTE_NAME.test(attributeOf(variable) ?? '');
}
