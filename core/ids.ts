/**
 * The names things go by, as branded types: a plain string becomes one of these only here, where it is
 * checked, so that everything behind the edge can rely on its form.
 */
import { GatehouseError } from './errors.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** The identity of a device and the CN of its certificate: `[A-Za-z0-9][A-Za-z0-9._:-]{0,63}`. */
export type DeviceId = Branded<'DeviceId'>;
/** A certificate's serial number as `openssl x509 -serial` prints it: upper-case hex, two digits an octet. */
export type SerialNumber = Branded<'SerialNumber'>;
/** SHA-256 over some DER (a certificate, or a SubjectPublicKeyInfo): 64 lower-case hex digits. */
export type Fingerprint = Branded<'Fingerprint'>;
/** An MQTT topic filter that keeps MQTT 3.1.1 §4.7: wildcards alone in their level, `#` last. */
export type TopicFilter = Branded<'TopicFilter'>;
/** An MQTT topic name: no wildcards, no control characters, not empty. */
export type TopicName = Branded<'TopicName'>;
/** The name of a group, policy, profile or operator: `[a-z0-9][a-z0-9._-]{0,62}`. */
export type EntityName = Branded<'EntityName'>;

const DEVICE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const ENTITY_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const SERIAL_NUMBER = /^(?:[0-9A-F]{2}){1,20}$/;
const FINGERPRINT = /^[0-9a-f]{64}$/;

/** Whether `text` is a device ID. The grammar keeps `/`, `+` and `#` out, so an ID is safe inside a topic. */
export function isDeviceId(text: string): text is DeviceId {
  return DEVICE_ID.test(text);
}

/** @throws GatehouseError `device_id_invalid` */
export function parseDeviceId(text: string): DeviceId {
  if (!isDeviceId(text)) {
    throw new GatehouseError('device_id_invalid', `${quote(text)} is not a device ID`);
  }
  return text;
}

export function isEntityName(text: string): text is EntityName {
  return ENTITY_NAME.test(text);
}

/** @throws GatehouseError `name_invalid` */
export function parseEntityName(text: string): EntityName {
  if (!isEntityName(text)) throw new GatehouseError('name_invalid', `${quote(text)} is not a name`);
  return text;
}

/** Accepts either case and colons, as people copy it from other tools. @throws GatehouseError `serial_number_invalid` */
export function parseSerialNumber(text: string): SerialNumber {
  const hex = text.replaceAll(':', '').toUpperCase();
  if (!SERIAL_NUMBER.test(hex)) {
    throw new GatehouseError('serial_number_invalid', `${quote(text)} is not a certificate serial number`);
  }
  return hex as SerialNumber;
}

/** Accepts either case and colons, as `openssl x509 -fingerprint -sha256` prints it. @throws GatehouseError `fingerprint_invalid` */
export function parseFingerprint(text: string): Fingerprint {
  const hex = text.replaceAll(':', '').toLowerCase();
  if (!FINGERPRINT.test(hex)) {
    throw new GatehouseError('fingerprint_invalid', `${quote(text)} is not a SHA-256 fingerprint`);
  }
  return hex as Fingerprint;
}

/** As openssl prints it, upper case with colons, for people who compare the two. */
export function displayFingerprint(fingerprint: Fingerprint): string {
  return fingerprint.toUpperCase().replace(/..(?=.)/g, '$&:');
}

/** Untrusted text made fit for a message: JSON quoting shows control characters, and the length is bounded. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
