/**
 * The names that a profile may give a device's certificate: of each kind its form and its encoding. Bounds are those
 * of RFC 5280 Appendix A.1 (X.520), in characters. What is not sure to mean the same to every reader is not a form:
 * no control, invisible or unassigned characters, no capitals where case does not count.
 */
import { type Asn1, printableString, utf8String } from './der.ts';
import { dnsName, IPV4, uri } from './general-name.ts';
import { oids } from './oids.ts';

/** What a name of one kind looks like. */
export interface NameForm {
  readonly accepts: (name: string) => boolean;
  /** What it accepts, for the message that refuses a name. */
  readonly takes: string;
  readonly encode: (name: string) => Asn1;
}

/** The attributes of a subject, in the order in which they stand there; the CN comes after them. */
export const subjectForms = {
  country: {
    oid: oids.countryName,
    accepts: (name: string) => /^[A-Z]{2}$/.test(name),
    takes: 'a country code of two capital letters',
    encode: printableString,
  },
  stateOrProvince: { oid: oids.stateOrProvinceName, ...directoryString(128) },
  locality: { oid: oids.localityName, ...directoryString(128) },
  organization: { oid: oids.organizationName, ...directoryString(64) },
  organizationalUnit: { oid: oids.organizationalUnitName, ...directoryString(64) },
  serialNumber: {
    oid: oids.serialNumberAttribute,
    accepts: (name: string) => /^(?! )[A-Za-z0-9 '()+,\-./:=?]{1,64}(?<! )$/.test(name),
    takes: "1 to 64 of A-Z a-z 0-9 ' ( ) + , - . / : = ? and spaces within",
    encode: printableString,
  },
} as const satisfies Record<string, NameForm & { readonly oid: string }>;

export type SubjectField = keyof typeof subjectForms;
export const subjectFields = Object.keys(subjectForms) as SubjectField[];

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
/** The last label must not be a number: 10.0.0.1 would be a DNS name, and an address to those who read it. */
const DNS_NAME = new RegExp(`^(?=.{1,253}$)(?:${LABEL}\\.)*(?!\\d+$)${LABEL}$`);
const MAX_URI = 512;
const URI_CHARACTERS = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
/** Scheme, authority (of those that have one) and path; RFC 3986 Appendix B. */
const URI_PARTS = /^[a-z][a-z0-9+.-]*:(?=.)(?:\/\/([^/?#]*))?([^?#]*)/;
const AUTHORITY = /^([^:@]*)(?::\d{1,5})?$/;

export const alternativeForms = {
  uri: {
    accepts: isUri,
    takes: `an absolute URI of at most ${MAX_URI} characters, its scheme and host in lower case`,
    encode: uri,
  },
  // Not RFC 5280's preferred name syntax in full: that knows capitals, and two devices could differ by them alone.
  dns: {
    accepts: (name: string) => DNS_NAME.test(name),
    takes: 'a DNS name of a-z 0-9 - in labels of 1 to 63, without a wildcard',
    encode: dnsName,
  },
} as const satisfies Record<string, NameForm>;

export type AlternativeField = keyof typeof alternativeForms;
export const alternativeFields = Object.keys(alternativeForms) as AlternativeField[];

/** "The CA MUST use either PrintableString or UTF8String" (§4.1.2.4): the latter, which takes every text. */
function directoryString(upperBound: number): NameForm {
  const form = new RegExp(`^(?!\\s)[^\\p{C}\\p{Zl}\\p{Zp}]{1,${upperBound}}(?<!\\s)$`, 'u');
  return {
    accepts: (name) => form.test(name),
    takes: `1 to ${upperBound} visible characters, with spaces within alone`,
    encode: utf8String,
  };
}

/** Absolute, its host (where it has an authority) a name or an IPv4 address (RFC 5280 §4.2.1.6), no way up in its path. */
function isUri(text: string): boolean {
  if (text.length > MAX_URI || !URI_CHARACTERS.test(text)) return false;
  const [whole = '', authority, path = ''] = URI_PARTS.exec(text) ?? [];
  if (whole === '') return false;
  if (authority !== undefined && !isHost(AUTHORITY.exec(authority)?.[1] ?? '')) return false;
  return !path.split('/').some((segment) => segment === '.' || segment === '..');
}

function isHost(text: string): boolean {
  return DNS_NAME.test(text) || IPV4.test(text);
}
