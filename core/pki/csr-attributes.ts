/** The attributes of a certificate signing request (RFC 2985 §5.4): what it says besides its name and its key. */
import { Fields, readObjectIdentifier, tags } from './der-fields.ts';
import { type DerElement, DerError } from './der-reader.ts';
import { oids } from './oids.ts';

export interface CsrAttributes {
  /** OIDs of all of them, known or not. */
  readonly types: ReadonlySet<string>;
  /** The octets of challengePassword's text, which may be of any string type; null where it is absent. */
  readonly challengePassword: Uint8Array | null;
  /** OIDs of the extensions that are asked for. */
  readonly extensions: ReadonlySet<string>;
  /** The value of the subjectAltName that is asked for, not yet known to be one; null where none is. */
  readonly subjectAltName: Uint8Array | null;
}

/**
 * @param element the `[0]` of a CertificationRequestInfo, undefined where it was left out
 * @throws DerError
 */
export function readCsrAttributes(element: DerElement | undefined): CsrAttributes {
  const values = new Map<string, readonly DerElement[]>();
  for (const attribute of element?.children ?? []) {
    const fields = new Fields(attribute);
    const type = readObjectIdentifier(fields.next(tags.objectIdentifier));
    const set = fields.next(tags.set);
    fields.end();
    if (values.has(type)) throw new DerError(`the attribute ${type} stands there twice`);
    values.set(type, set.children);
  }
  const password = singleValue(values, oids.challengePassword);
  const requested = singleValue(values, oids.extensionRequest);
  const extensions = requested === undefined ? [] : readRequestedExtensions(requested);
  const names = extensions.filter(({ oid }) => oid === oids.subjectAltName);
  if (names.length > 1) throw new DerError('the subjectAltName is asked for twice');
  return {
    types: new Set(values.keys()),
    challengePassword: password === undefined ? null : Uint8Array.from(password.content),
    extensions: new Set(extensions.map(({ oid }) => oid)),
    subjectAltName: names[0] === undefined ? null : Uint8Array.from(names[0].value),
  };
}

/** Both attributes that are read are SINGLE VALUE TRUE (RFC 2985 §5.4.1, §5.4.2). */
function singleValue(
  values: ReadonlyMap<string, readonly DerElement[]>,
  type: string,
): DerElement | undefined {
  const found = values.get(type);
  if (found !== undefined && found.length !== 1)
    throw new DerError(`the attribute ${type} has not one value`);
  return found?.[0];
}

/** Critical or not, sound or not: none of them is obeyed, so no more than this is read. */
function readRequestedExtensions(extensions: DerElement): { oid: string; value: Uint8Array }[] {
  return new Fields(extensions).rest(tags.sequence).map((extension) => {
    const oid = readObjectIdentifier(new Fields(extension).next(tags.objectIdentifier));
    const value = extension.children.find(({ tag }) => tag === tags.octetString);
    return { oid, value: value?.content ?? new Uint8Array() };
  });
}
