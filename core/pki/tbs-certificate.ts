/** What a certificate of version 3 says, taken apart (RFC 5280 §4.1). What it may say is for others to judge. */
import { contextTag, explicitContent, Fields, readTime, readUnsignedInteger, tags } from './der-fields.ts';
import { type DerElement, DerError, decodeDer } from './der-reader.ts';
import { readExtensions } from './extension-reader.ts';

export interface TbsCertificate {
  /** An INTEGER; what other CAs put there is not always what RFC 5280 §4.1.2.2 asks. */
  readonly serialNumber: DerElement;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly subject: DerElement;
  /** SubjectPublicKeyInfo */
  readonly publicKey: DerElement;
  /** The values (each some DER) by OID. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
}

export const CERTIFICATE_LIMITS = { maxBytes: 16 * 1024, maxDepth: 16 };
/** issuerUniqueID and subjectUniqueID, which nobody uses and some have. */
const UNIQUE_IDS = [0x81, 0x82];

/**
 * @param recognized OIDs of the extensions that the caller understands: others must not be critical
 * @throws DerError
 */
export function readTbsCertificate(der: Uint8Array, recognized: readonly string[]): TbsCertificate {
  const certificate = new Fields(decodeDer(der, CERTIFICATE_LIMITS));
  const fields = new Fields(certificate.next(tags.sequence));
  certificate.next(tags.sequence);
  certificate.next(tags.bitString);
  certificate.end();

  const version = readUnsignedInteger(explicitContent(fields.next(contextTag(0))));
  if (version !== 2n) throw new DerError('not a certificate of version 3');
  const serialNumber = fields.next(tags.integer);
  fields.next(tags.sequence);
  fields.next(tags.sequence);
  const validity = new Fields(fields.next(tags.sequence));
  const notBefore = readTime(validity.next(tags.utcTime, tags.generalizedTime));
  const notAfter = readTime(validity.next(tags.utcTime, tags.generalizedTime));
  const subject = fields.next(tags.sequence);
  const publicKey = fields.next(tags.sequence);
  for (const tag of UNIQUE_IDS) fields.optional(tag);
  const extensions = readExtensions(explicitContent(fields.next(contextTag(3))), recognized);
  fields.end();
  return { serialNumber, notBefore, notAfter, subject, publicKey, extensions };
}
