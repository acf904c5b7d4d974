/** OCSP requests (RFC 6960 §4.1) as strangers send them, and which of our issuers each one asks about. */
import { hash } from 'node:crypto';
import type { SerialNumber } from '../ids.ts';
import type { CaCertificate } from './certificate.ts';
import {
  contextTag,
  explicitContent,
  Fields,
  readObjectIdentifier,
  readUnsignedInteger,
  tags,
} from './der-fields.ts';
import { type DerElement, DerError, decodeDer, refuseMalformed } from './der-reader.ts';
import { readExtensions } from './extension-reader.ts';
import { oids } from './oids.ts';
import { readSerialNumber } from './serial-number.ts';

/** Which certificate is asked about (CertID, §4.1.1). */
export interface CertId {
  /** As it came, for the answer has to repeat it. */
  readonly der: Uint8Array;
  /** Null for a digest that is not supported; such an ID fits no issuer. */
  readonly digest: 'sha1' | 'sha256' | null;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** Undefined for a number that no certificate can have. */
  readonly serialNumber: SerialNumber | undefined;
}

export interface OcspRequest {
  readonly certIds: readonly CertId[];
  /** To be repeated in the answer; null where the request has none. */
  readonly nonce: Uint8Array | null;
}

const LIMITS = { maxBytes: 4 * 1024, maxDepth: 12 };
const MAX_CERT_IDS = 16;
/** RFC 9654 §2.1 */
const MAX_NONCE = 128;

/**
 * A signature over the request, which RFC 6960 allows, is not looked at: anybody may ask.
 * @throws GatehouseError `ocsp_request_malformed`: answer `malformedRequest`
 */
export function parseOcspRequest(der: Uint8Array): OcspRequest {
  return refuseMalformed('ocsp_request_malformed', () => {
    const request = new Fields(decodeDer(der, LIMITS));
    const toBeSigned = new Fields(request.next(tags.sequence));
    request.optional(contextTag(0));
    request.end();

    const version = toBeSigned.optional(contextTag(0));
    if (version !== undefined && readUnsignedInteger(explicitContent(version)) !== 0n) {
      throw new DerError('not a request of version 1');
    }
    toBeSigned.optional(contextTag(1));
    const certIds = new Fields(toBeSigned.next(tags.sequence)).rest(tags.sequence).map(readRequest);
    const extensions = toBeSigned.optional(contextTag(2));
    toBeSigned.end();

    if (certIds.length === 0 || certIds.length > MAX_CERT_IDS) {
      throw new DerError(`asks about ${certIds.length} certificates; 1 to ${MAX_CERT_IDS} are accepted`);
    }
    return { certIds, nonce: extensions === undefined ? null : readNonce(explicitContent(extensions)) };
  });
}

/** Whether the certificate asked about would be one of this issuer's. */
export function isAboutIssuer(certId: CertId, { subjectDer, publicKey }: CaCertificate): boolean {
  const { digest, issuerNameHash, issuerKeyHash } = certId;
  return (
    digest !== null &&
    hash(digest, subjectDer, 'buffer').equals(issuerNameHash) &&
    hash(digest, publicKey.subjectPublicKey, 'buffer').equals(issuerKeyHash)
  );
}

function readRequest(element: DerElement): CertId {
  const request = new Fields(element);
  const certId = request.next(tags.sequence);
  const extensions = request.optional(contextTag(0));
  request.end();
  if (extensions !== undefined) readExtensions(explicitContent(extensions), []);

  const fields = new Fields(certId);
  const digest = readDigest(fields.next(tags.sequence));
  const issuerNameHash = fields.next(tags.octetString).content;
  const issuerKeyHash = fields.next(tags.octetString).content;
  const serialNumber = readSerialNumber(fields.next(tags.integer).content);
  fields.end();
  return { der: certId.bytes, digest, issuerNameHash, issuerKeyHash, serialNumber };
}

function readDigest(element: DerElement): 'sha1' | 'sha256' | null {
  switch (readObjectIdentifier(new Fields(element).next(tags.objectIdentifier))) {
    case oids.sha1:
      return 'sha1';
    case oids.sha256:
      return 'sha256';
    default:
      return null;
  }
}

/** RFC 9654 §2.1: an OCTET STRING of 1 to 128 octets within the extension's own. */
function readNonce(element: DerElement): Uint8Array | null {
  const value = readExtensions(element, [oids.ocspNonce]).get(oids.ocspNonce);
  if (value === undefined) return null;
  const nonce = decodeDer(value, LIMITS);
  if (nonce.tag !== tags.octetString || nonce.content.length === 0 || nonce.content.length > MAX_NONCE) {
    throw new DerError(`not a nonce of 1 to ${MAX_NONCE} octets`);
  }
  return nonce.content;
}
