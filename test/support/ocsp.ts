/** OCSP as somebody else's client speaks it: requests of every kind, sound and not, and responses taken apart. */
import { hash } from 'node:crypto';
import {
  type Asn1,
  boolean,
  encode,
  explicit,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  sequenceOf,
} from '../../core/pki/der.ts';
import { contextTag, explicitContent, Fields, tags } from '../../core/pki/der-fields.ts';
import { type DerElement, decodeDer } from '../../core/pki/der-reader.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import { oids } from '../../core/pki/oids.ts';

const DIGESTS = { sha1: oids.sha1, sha256: oids.sha256, sha512: '2.16.840.1.101.3.4.2.3' };
const LIMITS = { maxBytes: 64 * 1024, maxDepth: 32 };

/** As much of an issuer as CertIDs name it by. */
export interface NamedIssuer {
  readonly certificate: {
    readonly subjectDer: Uint8Array;
    readonly publicKey: { readonly subjectPublicKey: Uint8Array };
  };
}

export function certId(
  digest: keyof typeof DIGESTS,
  serialNumber: bigint,
  { certificate }: NamedIssuer | Issuer,
): Asn1 {
  return sequence(
    sequence(objectIdentifier(DIGESTS[digest]), nullValue()),
    octetString(hash(digest, certificate.subjectDer, 'buffer')),
    octetString(hash(digest, certificate.publicKey.subjectPublicKey, 'buffer')),
    integer(serialNumber),
  );
}

/** @param requests each a Request: a SEQUENCE of a CertID and, if any, its extensions */
export function requestOf(requests: readonly Asn1[], ...extensions: readonly Asn1[]): Buffer {
  const list = extensions.length === 0 ? [] : [explicit(2, sequence(...extensions))];
  return Buffer.from(encode(sequence(sequence(sequenceOf(requests), ...list))));
}

export function extension(oid: string, value: Asn1 | Uint8Array, critical = false): Asn1 {
  return sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value));
}

export function nonceOf(size: number): Asn1 {
  return extension(oids.ocspNonce, octetString(Buffer.alloc(size, 7)));
}

export interface ReadResponse {
  /** OCSPResponseStatus. */
  readonly status: number;
  /** Of each certificate that was asked about. */
  readonly answers: readonly ('good' | 'revoked' | 'unknown')[];
}

const CERT_STATUS = new Map([
  [0x80, 'good'],
  [0xa1, 'revoked'],
  [0x82, 'unknown'],
] as const);

/** @throws Error for what is not one whole OCSPResponse in DER */
export function readResponse(der: Uint8Array): ReadResponse {
  const response = new Fields(decodeDer(der, LIMITS));
  const [status = -1] = response.next(tags.enumerated).content;
  const responseBytes = response.optional(contextTag(0));
  response.end();
  if (responseBytes === undefined) {
    if (status === 0) throw new Error('a successful response without response');
    return { status, answers: [] };
  }
  const [, octets] = explicitContent(responseBytes).children;
  const [data] = decodeDer(octets?.content ?? new Uint8Array(), LIMITS).children;
  const [, , responses] = data?.children ?? [];
  return { status, answers: (responses?.children ?? []).map(statusIn) };
}

function statusIn({ children: [, element] }: DerElement): 'good' | 'revoked' | 'unknown' {
  const status = CERT_STATUS.get(element?.tag as 0x80);
  if (status === undefined) throw new Error('no CertStatus');
  return status;
}
