/**
 * The names in a device's certificate: what the templates of its profile say, filled in for this device. A template
 * that cannot be filled in, or gives what is no such name, leads to no certificate: never to one with half a name.
 */
import { GatehouseError } from '../errors.ts';
import { quote } from '../ids.ts';
import { attributeOf, fillVariables, type TemplateSubject, variablesOf, variableValue } from '../template.ts';
import type { Asn1 } from './der.ts';
import { distinguishedName } from './name.ts';
import {
  type AlternativeField,
  alternativeFields,
  alternativeForms,
  type NameForm,
  type SubjectField,
  subjectFields,
  subjectForms,
} from './name-forms.ts';

/** The templates of a profile. The CN is none of them: it is always the device's ID. */
export interface NameTemplates {
  readonly subject: Readonly<Partial<Record<SubjectField, string | undefined>>>;
  readonly subjectAltNames: Readonly<Record<AlternativeField, readonly string[]>>;
}

export interface DeviceNames {
  readonly subject: Asn1;
  /** GeneralNames, none of them twice. */
  readonly subjectAltNames: readonly Asn1[];
}

/** All of them. */
export function templatesOf({ subject, subjectAltNames }: NameTemplates): string[] {
  const alternatives = alternativeFields.flatMap((field) => subjectAltNames[field]);
  return [...Object.values(subject).flatMap((template) => template ?? []), ...alternatives];
}

/** Within a URI a value must not begin another part of it, or be read as something else than itself. */
const VALUE_IN_URI = /^[A-Za-z0-9._~:-]+$/;

/**
 * @param reservedHostnames DNS names that no device may have
 * @throws GatehouseError `attribute_missing`, `certificate_name_invalid`, both naming the template
 */
export function deviceNames(
  { subject, subjectAltNames }: NameTemplates,
  device: TemplateSubject,
  reservedHostnames: readonly string[],
): DeviceNames {
  const attributes = subjectFields.flatMap((field) => {
    const template = subject[field];
    if (template === undefined) return [];
    const { oid, ...form } = subjectForms[field];
    return { oid, value: form.encode(fill(`subject.${field}`, template, form, device)) };
  });
  const alternatives = alternativeFields.flatMap((field) => {
    const form = alternativeForms[field];
    const names = subjectAltNames[field].map((template, index) => {
      const path = `subjectAltNames.${field}.${index}`;
      if (field === 'uri') refuseValuesInUri(path, template, device);
      const name = fill(path, template, form, device);
      if (field === 'dns') refuseReserved(path, name, reservedHostnames);
      return name;
    });
    return [...new Set(names)].map(form.encode);
  });
  return { subject: distinguishedName(attributes, device.id), subjectAltNames: alternatives };
}

function fill(path: string, template: string, { accepts, takes }: NameForm, device: TemplateSubject): string {
  const name = fillVariables(template, (variable) => {
    const value = variableValue(variable, device);
    if (value !== '') return value;
    throw new GatehouseError(
      'attribute_missing',
      `${path}: the device ${device.id} has no attribute ${quote(attributeOf(variable) ?? variable)}`,
    );
  });
  if (accepts(name)) return name;
  throw invalid(path, `with the device ${device.id} it is ${quote(name)}, and takes ${takes}`);
}

function refuseValuesInUri(path: string, template: string, device: TemplateSubject): void {
  for (const variable of variablesOf(template)) {
    const value = variableValue(variable, device);
    if (value === '' || VALUE_IN_URI.test(value)) continue;
    throw invalid(path, `{${variable}} is ${quote(value)}, and within a URI takes A-Z a-z 0-9 . _ ~ : -`);
  }
}

/** Whoever trusts the CA would take a device of that name, if it may be a server at all, for Gatehouse. */
function refuseReserved(path: string, name: string, reserved: readonly string[]): void {
  if (!reserved.some((hostname) => hostname.toLowerCase() === name)) return;
  throw invalid(path, `${quote(name)} is a name of Gatehouse itself`);
}

function invalid(path: string, problem: string): GatehouseError {
  return new GatehouseError('certificate_name_invalid', `${path}: ${problem}`);
}
