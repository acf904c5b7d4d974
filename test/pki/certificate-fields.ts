/** A certificate taken apart for tests: what stands in it, byte for byte. */
import {
  contextTag,
  explicitContent,
  Fields,
  readObjectIdentifier,
  tags,
} from '../../core/pki/der-fields.ts';
import { type DerElement, decodeDer } from '../../core/pki/der-reader.ts';

export interface CertificateFields {
  /** Hex of the INTEGER's content. */
  readonly serialNumber: string;
  readonly signatureAlgorithm: string;
  readonly issuer: Uint8Array;
  /** As written, type and digits: `UTCTime 260101000000Z`. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  /** By OID: hex of the value, with `critical ` before it where it is. In the order of the certificate. */
  readonly extensions: ReadonlyMap<string, string>;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

export function certificateFields(der: Uint8Array): CertificateFields {
  const certificate = new Fields(decodeDer(der, { maxBytes: 16_384, maxDepth: 16 }));
  const fields = new Fields(certificate.next(tags.sequence));
  fields.next(contextTag(0));
  const serialNumber = hex(fields.next(tags.integer).content);
  const signatureAlgorithm = hex(fields.next(tags.sequence).bytes);
  const issuer = fields.next(tags.sequence).bytes;
  const [notBefore = '', notAfter = ''] = fields.next(tags.sequence).children.map(timeText);
  const subject = fields.next(tags.sequence).bytes;
  const spki = fields.next(tags.sequence).bytes;
  const extensions = extensionsOf(explicitContent(fields.next(contextTag(3))));
  return { serialNumber, signatureAlgorithm, issuer, notBefore, notAfter, subject, spki, extensions };
}

/** Extensions by OID, as `CertificateFields` has them. */
export function extensionsOf(list: DerElement): ReadonlyMap<string, string> {
  return new Map(list.children.map(extensionText));
}

function timeText({ tag, content }: DerElement): string {
  const type = tag === tags.utcTime ? 'UTCTime' : 'GeneralizedTime';
  return `${type} ${Buffer.from(content).toString('latin1')}`;
}

function extensionText(element: DerElement): [string, string] {
  const fields = new Fields(element);
  const oid = readObjectIdentifier(fields.next(tags.objectIdentifier));
  const critical = fields.optional(tags.boolean) === undefined ? '' : 'critical ';
  return [oid, critical + hex(fields.next(tags.octetString).content)];
}
