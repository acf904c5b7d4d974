/**
 * What a manufacturer's factory certificates (IEEE 802.1AR: IDevID) count for: which of their fields is the device
 * ID, and which devices may enroll by them.
 */
import { GatehouseError } from '../errors.ts';
import { type DeviceId, isDeviceId, quote } from '../ids.ts';

/** The fields that manufacturers put a device's name into: two of the subject, two of its SAN. */
export const idSources = ['cn', 'serialNumber', 'dns', 'uri'] as const;
export type IdSource = (typeof idSources)[number];

/** `listed`: devices that an operator has imported, and no other. `any`: whichever the manufacturer vouches for. */
export const admissions = ['listed', 'any'] as const;
export type FactoryAdmission = (typeof admissions)[number];

/** All values of each field; null for one that is not readable text. */
export type FactoryNames = Readonly<Record<IdSource, readonly (string | null)[]>>;

export interface NamingRule {
  readonly idFrom: IdSource;
  /** Put before the field, so that two manufacturers' serial numbers stay apart; may be empty. */
  readonly idPrefix: string;
}

/** The empty one, or the beginning of a device ID that leaves room for the rest. */
export const ID_PREFIX = /^(?:[A-Za-z0-9][A-Za-z0-9._:-]{0,31})?$/;

const FIELDS: Readonly<Record<IdSource, string>> = {
  cn: 'CN',
  serialNumber: 'serialNumber in its subject',
  dns: 'dNSName in its subjectAltName',
  uri: 'URI in its subjectAltName',
};

/** @throws GatehouseError `factory_id_invalid` where the field is not there exactly once, or makes no device ID */
export function factoryDeviceId({ idFrom, idPrefix }: NamingRule, names: FactoryNames): DeviceId {
  const [value, ...others] = names[idFrom];
  const field = FIELDS[idFrom];
  if (value === undefined) throw invalid(`the factory certificate has no ${field}`);
  if (others.length > 0) throw invalid(`the factory certificate has more than one ${field}`);
  const id = `${idPrefix}${value ?? ''}`;
  if (value === null || !isDeviceId(id)) throw invalid(`${field}: ${quote(id)} is not a device ID`);
  return id;
}

function invalid(detail: string): GatehouseError {
  return new GatehouseError('factory_id_invalid', detail);
}
