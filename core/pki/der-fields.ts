/** Taking decoded DER apart field by field, in the order of its ASN.1, and reading the values of plain types. */
import asn1 from 'node-forge/lib/asn1.js';
import { type DerElement, DerError } from './der-reader.ts';

/** Identifier octets (X.680 §8.6). Constructed strings, which DER forbids, have others and so never match. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** `[number]` around or in place of a constructed type. */
export function contextTag(number: number): number {
  return 0xa0 | number;
}

/** The fields of a SEQUENCE or SET, taken one after another. Whoever reads one says with `end` that it is all. */
export class Fields {
  readonly #elements: readonly DerElement[];
  #position = 0;

  constructor(element: DerElement, tag: number = tags.sequence) {
    expectTag(element, tag);
    this.#elements = element.children;
  }

  /** The next field, which must have one of these tags. */
  next(...accepted: readonly number[]): DerElement {
    const element = this.#elements[this.#position];
    if (element === undefined) throw new DerError(`a field (${accepted.map(hex).join(' or ')}) is missing`);
    if (!accepted.includes(element.tag)) {
      throw new DerError(`${hex(element.tag)} where ${accepted.map(hex).join(' or ')} belongs`);
    }
    this.#position += 1;
    return element;
  }

  /** The next field, if it has this tag. */
  optional(tag: number): DerElement | undefined {
    return this.#elements[this.#position]?.tag === tag ? this.next(tag) : undefined;
  }

  /** All fields that are left, which must all have this tag. */
  rest(tag: number): DerElement[] {
    const elements: DerElement[] = [];
    while (this.#position < this.#elements.length) elements.push(this.next(tag));
    return elements;
  }

  end(): void {
    if (this.#position < this.#elements.length) throw new DerError('there are more fields than belong here');
  }
}

/** The one element within an `EXPLICIT` tag. */
export function explicitContent(element: DerElement): DerElement {
  const [content, surplus] = element.children;
  if (content === undefined || surplus !== undefined) throw new DerError('not one element in its tag');
  return content;
}

/** A non-negative INTEGER. */
export function readUnsignedInteger(element: DerElement): bigint {
  expectTag(element, tags.integer);
  const [first] = element.content;
  if (first === undefined || first >= 0x80) throw new DerError('not a positive INTEGER');
  return BigInt(`0x${Buffer.from(element.content).toString('hex')}`);
}

export function readBoolean(element: DerElement): boolean {
  expectTag(element, tags.boolean);
  const [value, surplus] = element.content;
  if (surplus !== undefined || (value !== 0x00 && value !== 0xff)) throw new DerError('not a DER BOOLEAN');
  return value === 0xff;
}

/** The bits of a BIT STRING that is whole octets, as keys and signatures are. */
export function readOctetsOfBitString(element: DerElement): Uint8Array {
  expectTag(element, tags.bitString);
  if (element.content[0] !== 0) throw new DerError('not a BIT STRING of whole octets');
  return element.content.subarray(1);
}

/**
 * In dotted form. Only a canonical encoding is taken: node-forge reads padded and unfinished arcs as well, and
 * two encodings of one OID would pass for each other.
 */
export function readObjectIdentifier(element: DerElement): string {
  expectTag(element, tags.objectIdentifier);
  const octets = element.content;
  const padded = octets.some((octet, index) => octet === 0x80 && !((octets[index - 1] ?? 0) & 0x80));
  if (octets.length === 0 || padded || (octets.at(-1) ?? 0x80) >= 0x80) {
    throw new DerError('not a DER OBJECT IDENTIFIER');
  }
  try {
    return asn1.derToOid(Buffer.from(octets).toString('latin1'));
  } catch {
    // An arc too large for a number (2.25.UUID): none that Gatehouse knows, so its octets name it well enough.
    return `hex:${Buffer.from(octets).toString('hex')}`;
  }
}

/** A UTCTime or GeneralizedTime in the only form RFC 5280 §4.1.2.5 has, as milliseconds since the epoch. */
export function readTime(element: DerElement): number {
  const digits = Buffer.from(element.content).toString('latin1');
  const short = element.tag === tags.utcTime;
  if (!(short ? /^\d{12}Z$/ : /^\d{14}Z$/).test(digits)) throw new DerError('not an X.509 time');
  const century = Number(digits.slice(0, 2)) < 50 ? '20' : '19';
  const [year, ...fields] = `${short ? century : ''}${digits}`.match(/^\d{4}|\d{2}/g) ?? [];
  const [month, day, hour, minute, second] = fields;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(iso);
  // Date.parse lets 30 February pass as a day of March.
  if (Number.isNaN(time) || new Date(time).toISOString() !== iso) throw new DerError('not a time there is');
  return time;
}

export function expectTag(element: DerElement, tag: number): void {
  if (element.tag !== tag) throw new DerError(`${hex(element.tag)} where ${hex(tag)} belongs`);
}

function hex(tag: number): string {
  return `tag 0x${tag.toString(16).padStart(2, '0')}`;
}
