/**
 * What operators say of a device before it has enrolled: its ID, its group and its attributes, as a line of an
 * import or as one object.
 */
import { GatehouseError } from '../errors.ts';
import { type DeviceId, type EntityName, parseDeviceId, parseEntityName, quote } from '../ids.ts';
import { ATTRIBUTE_NAME } from '../policy/pattern.ts';

export interface DeviceEntry {
  readonly id: DeviceId;
  readonly group: EntityName;
  /** What policies may use as `{attr.NAME}`. */
  readonly attributes: Readonly<Record<string, string>>;
}

const MEMBERS: readonly string[] = ['id', 'group', 'attributes'];
const MAX_ATTRIBUTES = 32;
/** UTF-16 code units, as everywhere where an attribute is set. */
const MAX_VALUE_LENGTH = 128;

/**
 * @param value from a stranger, as JSON.parse returned it: `__proto__` may be a member of its own
 * @throws GatehouseError `entry_invalid`, `device_id_invalid`, `name_invalid`
 */
export function parseDeviceEntry(value: unknown): DeviceEntry {
  const members = membersOf(value, 'a device');
  const unknown = [...members.keys()].find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) throw invalid(`a device has no ${quote(unknown)}`);
  const attributes = members.get('attributes');
  return {
    id: parseDeviceId(textOf(members, 'id')),
    group: parseEntityName(textOf(members, 'group')),
    attributes: attributes === undefined ? {} : parseAttributes(attributes),
  };
}

/** Whether both say the same of the same device. */
export function isSameEntry(one: DeviceEntry, other: DeviceEntry): boolean {
  const names = Object.keys(one.attributes);
  return (
    one.id === other.id &&
    one.group === other.group &&
    names.length === Object.keys(other.attributes).length &&
    names.every((name) => one.attributes[name] === other.attributes[name])
  );
}

function parseAttributes(value: unknown): DeviceEntry['attributes'] {
  const members = membersOf(value, '"attributes"');
  if (members.size > MAX_ATTRIBUTES) {
    throw invalid(`${members.size} attributes; a device may have ${MAX_ATTRIBUTES}`);
  }
  return Object.fromEntries(Array.from(members, ([name, text]) => checkAttribute(name, text)));
}

function checkAttribute(name: string, text: unknown): [name: string, value: string] {
  if (!ATTRIBUTE_NAME.test(name)) throw invalid(`${quote(name)} is not the name of an attribute`);
  if (typeof text !== 'string') throw invalid(`the attribute ${name} is not text`);
  if (text.length > MAX_VALUE_LENGTH) {
    throw invalid(`the attribute ${name} is longer than ${MAX_VALUE_LENGTH} characters`);
  }
  return [name, text];
}

/** A Map, because an object would answer for `constructor` too. */
function membersOf(value: unknown, what: string): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${what} is not a JSON object`);
  }
  return new Map(Object.entries(value));
}

function textOf(members: ReadonlyMap<string, unknown>, name: string): string {
  const text = members.get(name);
  if (typeof text !== 'string') throw invalid(`"${name}" is not text, or not there`);
  return text;
}

function invalid(detail: string): GatehouseError {
  return new GatehouseError('entry_invalid', detail);
}
