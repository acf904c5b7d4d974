/** Extensions, read (RFC 5280 §4.1, §4.2): certificates and OCSP requests carry the same form. */
import { Fields, readBoolean, readObjectIdentifier, tags } from './der-fields.ts';
import { type DerElement, DerError } from './der-reader.ts';

/**
 * The values (each some DER) by OID. "A system MUST reject the certificate if it encounters a critical extension
 * it does not recognize", and none may stand there twice (§4.2).
 * @param recognized OIDs of the extensions that the caller understands
 * @throws DerError
 */
export function readExtensions(
  element: DerElement,
  recognized: readonly string[],
): ReadonlyMap<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  for (const extension of new Fields(element).rest(tags.sequence)) {
    const fields = new Fields(extension);
    const oid = readObjectIdentifier(fields.next(tags.objectIdentifier));
    const critical = fields.optional(tags.boolean);
    const value = fields.next(tags.octetString).content;
    fields.end();
    if (values.has(oid)) throw new DerError(`the extension ${oid} stands there twice`);
    if (critical !== undefined && readBoolean(critical) && !recognized.includes(oid)) {
      throw new DerError(`the critical extension ${oid} is not understood`);
    }
    values.set(oid, value);
  }
  return values;
}
