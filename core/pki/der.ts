/**
 * Writing DER: constructors named after ASN.1's own types, so that code which builds a structure reads like the
 * ASN.1 in its RFC. They make node-forge elements, which `encode` turns into bytes (X.690).
 */
import type { asn1 as forge } from 'node-forge';
import asn1 from 'node-forge/lib/asn1.js';

/** An element that is ready to be encoded. */
export type Asn1 = forge.Asn1;

const { Class, Type } = asn1;
const LAST_UTC_TIME = Date.UTC(2050, 0, 1);
const LAST_TIME = Date.UTC(10_000, 0, 1);

export function encode(element: Asn1): Uint8Array {
  return Buffer.from(asn1.toDer(element).getBytes(), 'latin1');
}

/** DER that exists already (a name, a key, a constant) as an element. `der` must be exactly one element. */
export function encoded(der: Uint8Array): Asn1 {
  const [identifier = 0] = der;
  // node-forge sets the "constructed" bit only for elements that it encodes child by child. Here the content is
  // bytes, so the bit goes along with the tag number.
  return asn1.create(identifier & 0xc0, identifier & 0x3f, false, latin1(contentOf(der)));
}

export function sequence(...fields: readonly Asn1[]): Asn1 {
  return sequenceOf(fields);
}

/** As `sequence`, for lists that may be too long to be arguments. */
export function sequenceOf(elements: readonly Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [...elements]);
}

export function emptySet(): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, []);
}

/** A SET with one element; DER would have more of them sorted. */
export function setOf(element: Asn1): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, [element]);
}

export function boolean(value: boolean): Asn1 {
  return primitive(Type.BOOLEAN, value ? '\xff' : '\x00');
}

/** A non-negative INTEGER. */
export function integer(value: number | bigint): Asn1 {
  const hex = value.toString(16);
  return unsignedInteger(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'));
}

/** An INTEGER from its magnitude, most significant octet first and that octet not zero (unless it is the value). */
export function unsignedInteger(magnitude: Uint8Array): Asn1 {
  const [first = 0] = magnitude;
  return primitive(Type.INTEGER, `${first >= 0x80 ? '\x00' : ''}${latin1(magnitude)}`);
}

export function enumerated(value: number): Asn1 {
  return primitive(Type.ENUMERATED, String.fromCharCode(value));
}

export function nullValue(): Asn1 {
  return primitive(Type.NULL, '');
}

/** @param dotted for example `2.5.4.3` */
export function objectIdentifier(dotted: string): Asn1 {
  return primitive(Type.OID, asn1.oidToDer(dotted).getBytes());
}

/** An OCTET STRING of these bytes, or of another element's encoding. */
export function octetString(content: Uint8Array | Asn1): Asn1 {
  return primitive(Type.OCTETSTRING, content instanceof Uint8Array ? latin1(content) : derText(content));
}

/** @param unusedBits how many bits at the end of the last octet do not count */
export function bitString(content: Uint8Array, unusedBits = 0): Asn1 {
  return primitive(Type.BITSTRING, String.fromCharCode(unusedBits) + latin1(content));
}

export function utf8String(text: string): Asn1 {
  return primitive(Type.UTF8, latin1(Buffer.from(text, 'utf8')));
}

/** @param text within the alphabet of PrintableString (X.680 §41.4) */
export function printableString(text: string): Asn1 {
  return primitive(Type.PRINTABLESTRING, text);
}

/**
 * Time: UTCTime through 2049, GeneralizedTime after, in UTC with seconds (RFC 5280 §4.1.2.5).
 * @param time milliseconds since the epoch; a fraction of a second is cut off
 */
export function time(time: number): Asn1 {
  const { tag, text } = timeText(time);
  return primitive(tag, text);
}

/** What `time` encodes: the tag number, and the characters. */
export function timeText(time: number): { readonly tag: number; readonly text: string } {
  const digits = timeDigits(time);
  return time < LAST_UTC_TIME
    ? { tag: Type.UTCTIME, text: digits.slice(2) }
    : { tag: Type.GENERALIZEDTIME, text: digits };
}

/** Identifier and length octets of an element whose content is this long (X.690 §8.1.3, §10.1). */
export function header(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(tag, 0x80 | octets.length, ...octets);
}

/** GeneralizedTime without fractions (RFC 5280 §4.1.2.5.2, RFC 6960 §4.2.2.1). */
export function generalizedTime(time: number): Asn1 {
  return primitive(Type.GENERALIZEDTIME, timeDigits(time));
}

/** `[number] EXPLICIT`: the element within a tag of its own. */
export function explicit(number: number, element: Asn1): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, number, true, [element]);
}

/** `[number] IMPLICIT` over a SEQUENCE or SET: the tag replaces theirs. */
export function implicit(number: number, ...elements: readonly Asn1[]): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, number, true, [...elements]);
}

/** `[number] IMPLICIT` over a type with plain content, such as an IA5String or NULL. */
export function implicitPrimitive(number: number, content: Uint8Array): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, number, false, latin1(content));
}

function primitive(type: forge.Type, content: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, type, false, content);
}

function derText(element: Asn1): string {
  return asn1.toDer(element).getBytes();
}

/** node-forge's strings of bytes: one character an octet. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function contentOf(der: Uint8Array): Uint8Array {
  const [, length = 0] = der;
  return der.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
}

/** `20260131235959Z` */
function timeDigits(time: number): string {
  if (!(time >= 0 && time < LAST_TIME)) throw new RangeError(`${time} cannot be written as an X.509 time`);
  return `${new Date(time).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
}
