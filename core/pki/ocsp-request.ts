/** OCSP requests (RFC 6960 §4.1): as strangers send them, and as Gatehouse asks about a certificate of its own. */
import type { SerialNumber } from '../ids.ts';
import type { CaCertificate } from './certificate.ts';
import { encode, sequence } from './der.ts';
import { contextTag, explicitContent, Fields, readUnsignedInteger, tags } from './der-fields.ts';
import { type DerElement, DerError, decodeDer, refuseMalformed } from './der-reader.ts';
import { readExtensions } from './extension-reader.ts';
import { type CertId, certIdOf, readCertId } from './ocsp-cert-id.ts';
import { oids } from './oids.ts';

export interface OcspRequest {
  readonly certIds: readonly CertId[];
  /** To be repeated in the answer; null where the request has none. */
  readonly nonce: Uint8Array | null;
}

/** Enough for sixteen certificates, and a signature with its chain. */
export const MAX_OCSP_REQUEST = 8 * 1024;
const LIMITS = { maxBytes: MAX_OCSP_REQUEST, maxDepth: 12 };
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
    const certIds = new Fields(toBeSigned.next(tags.sequence)).rest(tags.sequence).map(readSingleRequest);
    const extensions = toBeSigned.optional(contextTag(2));
    toBeSigned.end();

    if (certIds.length === 0 || certIds.length > MAX_CERT_IDS) {
      throw new DerError(`asks about ${certIds.length} certificates; 1 to ${MAX_CERT_IDS} are accepted`);
    }
    return { certIds, nonce: extensions === undefined ? null : readNonce(explicitContent(extensions)) };
  });
}

/** About one certificate, without nonce. @returns DER OCSPRequest */
export function buildOcspRequest(issuer: CaCertificate, serialNumber: SerialNumber): Uint8Array {
  return encode(sequence(sequence(sequence(sequence(certIdOf(issuer, serialNumber))))));
}

function readSingleRequest(element: DerElement): CertId {
  const request = new Fields(element);
  const certId = request.next(tags.sequence);
  const extensions = request.optional(contextTag(0));
  request.end();
  if (extensions !== undefined) readExtensions(explicitContent(extensions), []);
  return readCertId(certId);
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
