/** Distinguished names (RFC 5280 §4.1.2.4): written with one CN, read for their CNs and to be compared. */
import { GatehouseError } from '../errors.ts';
import { type Asn1, objectIdentifier, sequence, setOf, utf8String } from './der.ts';
import { Fields, readObjectIdentifier, tags } from './der-fields.ts';
import { type DerElement, DerError } from './der-reader.ts';
import { oids } from './oids.ts';

interface NameAttribute {
  readonly oid: string;
  readonly value: DerElement;
}

/** An attribute to write, its value encoded. */
export interface EncodedAttribute {
  readonly oid: string;
  readonly value: Asn1;
}

/** ub-common-name of RFC 5280 Appendix A. */
const MAX_COMMON_NAME = 64;
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Short names of RFC 4514 §3 and what else CAs commonly carry. */
const shortNames: ReadonlyMap<string, string> = new Map([
  [oids.commonName, 'CN'],
  [oids.serialNumberAttribute, 'serialNumber'],
  [oids.countryName, 'C'],
  [oids.localityName, 'L'],
  [oids.stateOrProvinceName, 'ST'],
  [oids.organizationName, 'O'],
  [oids.organizationalUnitName, 'OU'],
]);

export function commonNameOnly(commonName: string): Asn1 {
  return distinguishedName([], commonName);
}

/**
 * A name of these attributes, each in an RDN of its own, and after them a CN: as UTF8String, since PrintableString
 * lacks the underscore.
 * @throws GatehouseError `cn_invalid`
 */
export function distinguishedName(attributes: readonly EncodedAttribute[], commonName: string): Asn1 {
  if (commonName === '' || commonName.length > MAX_COMMON_NAME) {
    throw new GatehouseError('cn_invalid', `A CN has 1 to ${MAX_COMMON_NAME} characters`);
  }
  const all = [...attributes, { oid: oids.commonName, value: utf8String(commonName) }];
  return sequence(...all.map(({ oid, value }) => setOf(sequence(objectIdentifier(oid), value))));
}

/**
 * The CN of a name, or null where it has none.
 * @throws GatehouseError `cn_invalid` where there are several, or it is text of a type that is not accepted
 * @throws DerError
 */
export function readCommonName(name: DerElement): string | null {
  const commonNames = readAttributes(name).filter(({ oid }) => oid === oids.commonName);
  const [first, second] = commonNames;
  if (first === undefined) return null;
  if (second !== undefined) {
    throw new GatehouseError('cn_invalid', `The subject has ${commonNames.length} CNs; it may have one`);
  }
  const text = readText(first.value);
  if (text === undefined) throw new GatehouseError('cn_invalid', 'The CN is not readable text');
  return text;
}

/** Every value of one attribute; null for text of a type that is not accepted. @throws DerError */
export function readAttributeTexts(name: DerElement, oid: string): (string | null)[] {
  return readAttributes(name)
    .filter((attribute) => attribute.oid === oid)
    .map(({ value }) => readText(value) ?? null);
}

/** For people: `CN=Gatehouse Root CA, O=Example`. */
export function nameText(name: DerElement): string {
  return readAttributes(name)
    .map(({ oid, value }) => `${shortNames.get(oid) ?? oid}=${escaped(readText(value) ?? '?')}`)
    .join(', ');
}

/**
 * Text that is equal for two names exactly if they are the same: the same RDNs in the same order, each of the same
 * attributes. Whether a value is a UTF8String or a PrintableString does not count, since clients that repeat a name
 * encode it anew; all else does, case and spaces included, which is more than RFC 5280 §7.1 asks.
 */
export function comparableName(name: DerElement): string {
  const relativeNames = readRelativeNames(name).map((attributes) => attributes.map(comparable).sort());
  return JSON.stringify(relativeNames);
}

/** RFC 4514 §2.4: what separates the parts of a name, where it stands within one. */
function escaped(text: string): string {
  return text.replace(/[,+"\\<>;=]/g, '\\$&');
}

function comparable({ oid, value }: NameAttribute): string {
  const text = readText(value);
  return JSON.stringify(
    text === undefined ? [oid, 'der', Buffer.from(value.bytes).toString('hex')] : [oid, 'text', text],
  );
}

function readAttributes(name: DerElement): NameAttribute[] {
  return readRelativeNames(name).flat();
}

function readRelativeNames(name: DerElement): NameAttribute[][] {
  return new Fields(name).rest(tags.set).map((relativeName) => {
    const attributes = new Fields(relativeName, tags.set).rest(tags.sequence);
    if (attributes.length === 0) throw new DerError('an empty RelativeDistinguishedName');
    return attributes.map(readAttribute);
  });
}

function readAttribute(element: DerElement): NameAttribute {
  const [type, value, surplus] = element.children;
  if (type === undefined || value === undefined || surplus !== undefined) {
    throw new DerError('an attribute of a name that is not a type and a value');
  }
  return { oid: readObjectIdentifier(type), value };
}

/** UTF8String, and PrintableString and IA5String within their alphabets. Others, such as BMPString, are undefined. */
function readText({ tag, content }: DerElement): string | undefined {
  try {
    const text = utf8.decode(content);
    if (tag === tags.utf8String) return text;
    if (tag === tags.printableString && PRINTABLE.test(text)) return text;
    if (tag === tags.ia5String && content.every((octet) => octet < 0x80)) return text;
  } catch {
    // Not UTF-8, and so no text of either type.
  }
  return undefined;
}
