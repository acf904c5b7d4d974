/** The names that a certificate bears, and whether a request asks for the same ones. */
import { quote } from '../ids.ts';
import type { CertificationRequest } from './csr.ts';
import { contextTag, explicitContent, Fields, tags } from './der-fields.ts';
import { type DerElement, DerError, decodeDer, refuseMalformed } from './der-reader.ts';
import { readExtensions } from './extension-reader.ts';
import { comparableName, nameText } from './name.ts';
import { oids } from './oids.ts';

export interface CertifiedNames {
  /** For people: `O=Example, CN=press-7`. */
  readonly subject: string;
  /** See `comparableName`. */
  readonly comparableSubject: string;
  /** As `readAlternativeNames` gives them; null where the certificate has none. */
  readonly subjectAltNames: readonly string[] | null;
}

const LIMITS = { maxBytes: 16 * 1024, maxDepth: 16 };
/** GeneralName of §4.2.1.6: dNSName [2] and uniformResourceIdentifier [6], both IA5String. */
const textTypes: ReadonlyMap<number, string> = new Map([
  [0x82, 'DNS'],
  [0x86, 'URI'],
]);
const RECOGNIZED = [oids.basicConstraints, oids.keyUsage, oids.extendedKeyUsage, oids.subjectAltName];

/**
 * Of a certificate that Gatehouse issued: neither its signature nor its time is looked at.
 * @throws GatehouseError `certificate_malformed`
 */
export function readCertifiedNames(der: Uint8Array): CertifiedNames {
  return refuseMalformed('certificate_malformed', () => {
    const toBeSigned = new Fields(new Fields(decodeDer(der, LIMITS)).next(tags.sequence));
    toBeSigned.next(contextTag(0));
    toBeSigned.next(tags.integer);
    toBeSigned.next(tags.sequence);
    toBeSigned.next(tags.sequence);
    toBeSigned.next(tags.sequence);
    const subject = toBeSigned.next(tags.sequence);
    toBeSigned.next(tags.sequence);
    const extensions = readExtensions(explicitContent(toBeSigned.next(contextTag(3))), RECOGNIZED);
    const names = extensions.get(oids.subjectAltName);
    return {
      subject: nameText(subject),
      comparableSubject: comparableName(subject),
      subjectAltNames: names === undefined ? null : readAlternativeNames(names),
    };
  });
}

/**
 * How the names that a request asks for differ from those of a certificate, for people; null where they do not. The
 * order of alternative names does not count; not to ask for them where there are some is a difference too.
 * @throws GatehouseError `csr_malformed` for a subjectAltName that is none
 */
export function nameDifference(
  { subject, comparableSubject, attributes }: CertificationRequest,
  certified: CertifiedNames,
): string | null {
  if (comparableSubject !== certified.comparableSubject) {
    return `the request is for ${quote(subject)}, the certificate for ${quote(certified.subject)}`;
  }
  const asked = refuseMalformed('csr_malformed', () =>
    attributes.subjectAltName === null ? null : readAlternativeNames(attributes.subjectAltName),
  );
  if (sorted(asked) === sorted(certified.subjectAltNames)) return null;
  return `the request has ${listed(asked)}, the certificate has ${listed(certified.subjectAltNames)}`;
}

/**
 * GeneralNames as texts that are equal exactly for the same names: `DNS:…`, `URI:…`, all others by their DER.
 * @param value of the extension
 * @throws DerError
 */
export function readAlternativeNames(value: Uint8Array): string[] {
  const names = decodeDer(value, LIMITS);
  if (names.tag !== tags.sequence) throw new DerError('not a SEQUENCE of names');
  return names.children.map(alternativeName);
}

function alternativeName({ tag, bytes, content }: DerElement): string {
  const type = textTypes.get(tag);
  if (type === undefined) return `DER:${Buffer.from(bytes).toString('hex')}`;
  if (content.some((octet) => octet >= 0x80)) throw new DerError('not an IA5String');
  return `${type}:${Buffer.from(content).toString('latin1')}`;
}

function listed(names: readonly string[] | null): string {
  if (names === null) return 'no subjectAltName';
  return names.length === 0 ? 'an empty subjectAltName' : `the subjectAltName ${quote(names.join(', '))}`;
}

function sorted(names: readonly string[] | null): string {
  return JSON.stringify(names && [...new Set(names)].sort());
}
