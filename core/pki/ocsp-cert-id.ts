/** CertID (RFC 6960 §4.1.1): how OCSP names a certificate, by digests of its issuer's name and key and its number. */
import { hash } from 'node:crypto';
import type { SerialNumber } from '../ids.ts';
import type { CaCertificate } from './certificate.ts';
import { type Asn1, nullValue, objectIdentifier, octetString, sequence } from './der.ts';
import { Fields, readObjectIdentifier, tags } from './der-fields.ts';
import type { DerElement } from './der-reader.ts';
import { oids } from './oids.ts';
import { readSerialNumber, serialNumberInteger } from './serial-number.ts';

/** Those that clients use. SHA-1 has nothing to protect here: whoever finds a collision has asked about nothing. */
const DIGESTS = ['sha1', 'sha256'] as const;
type Digest = (typeof DIGESTS)[number];

/** Which certificate is asked about. */
export interface CertId {
  /** As it came, for the answer has to repeat it. */
  readonly der: Uint8Array;
  /** Null for a digest that is not supported; such an ID fits no issuer. */
  readonly digest: Digest | null;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** Undefined for a number that no certificate can have. */
  readonly serialNumber: SerialNumber | undefined;
}

/** What CertIDs call one issuer. Made once for each, since every request asks for it. */
export type IssuerHashes = Readonly<Record<Digest, { readonly name: Buffer; readonly key: Buffer }>>;

export function issuerHashes({ subjectDer, publicKey }: CaCertificate): IssuerHashes {
  const by = (digest: Digest) => ({
    name: hash(digest, subjectDer, 'buffer'),
    key: hash(digest, publicKey.subjectPublicKey, 'buffer'),
  });
  return { sha1: by('sha1'), sha256: by('sha256') };
}

/** Whether the certificate asked about would be one of this issuer's. */
export function isAboutIssuer(
  { digest, issuerNameHash, issuerKeyHash }: CertId,
  hashes: IssuerHashes,
): boolean {
  if (digest === null) return false;
  const { name, key } = hashes[digest];
  return name.equals(issuerNameHash) && key.equals(issuerKeyHash);
}

/** @throws DerError */
export function readCertId(element: DerElement): CertId {
  const fields = new Fields(element);
  const digest = readDigest(fields.next(tags.sequence));
  const issuerNameHash = fields.next(tags.octetString).content;
  const issuerKeyHash = fields.next(tags.octetString).content;
  const serialNumber = readSerialNumber(fields.next(tags.integer).content);
  fields.end();
  return { der: element.bytes, digest, issuerNameHash, issuerKeyHash, serialNumber };
}

/** By SHA-1, which every client knows (RFC 5019 §2.1.1). */
export function certIdOf(issuer: CaCertificate, serialNumber: SerialNumber): Asn1 {
  const { name, key } = issuerHashes(issuer).sha1;
  return sequence(
    sequence(objectIdentifier(oids.sha1), nullValue()),
    octetString(name),
    octetString(key),
    serialNumberInteger(serialNumber),
  );
}

function readDigest(element: DerElement): Digest | null {
  const oid = readObjectIdentifier(new Fields(element).next(tags.objectIdentifier));
  return DIGESTS.find((digest) => oids[digest] === oid) ?? null;
}
