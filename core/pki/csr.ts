/**
 * Certificate signing requests (PKCS #10, RFC 2986) as strangers send them. A `CertificationRequest` exists only
 * of one that is well formed, whose key is strong, and whose sender has proven to hold the private key.
 */
import { GatehouseError } from '../errors.ts';
import { type CsrAttributes, readCsrAttributes } from './csr-attributes.ts';
import { contextTag, Fields, readOctetsOfBitString, readUnsignedInteger, tags } from './der-fields.ts';
import { DerError, declaredLength, decodeDer, refuseMalformed } from './der-reader.ts';
import { comparableName, nameText, readCommonName } from './name.ts';
import { decodeBase64, findPemBlock } from './pem.ts';
import { type PublicKey, readPublicKey } from './public-key.ts';
import { readSignatureAlgorithm, suitsKey, verifySignature } from './signature-algorithm.ts';

/** What is taken from a request. Nothing in it but the CN and the key can get into a certificate. */
export interface CertificationRequest {
  /** The subject's CN as it stands there, not yet checked to be a device ID; null where it has none. */
  readonly commonName: string | null;
  /** The whole subject, for people. */
  readonly subject: string;
  /** The same for comparing it: see `comparableName`. */
  readonly comparableSubject: string;
  readonly publicKey: PublicKey;
  readonly attributes: CsrAttributes;
}

/** A request with an RSA key of 4096 bits and a page of extensions takes less than 3 KiB. */
const LIMITS = { maxBytes: 16 * 1024, maxDepth: 16 };
/** The same in base64, with line breaks and the explanations that `openssl req -text` puts before it. */
const MAX_PEM_LENGTH = 32 * 1024;
/** The second is what older tools write (RFC 7468 §7). */
const LABELS = ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'];

/**
 * The DER of a request in PEM, or in base64 alone as EST sends it (RFC 8951 §3.1), in lines or not.
 * @throws GatehouseError `csr_not_pem`, `csr_base64_invalid`, `csr_trailing_data`
 */
export function decodeCsr(text: string): Uint8Array {
  if (text.length > MAX_PEM_LENGTH) {
    throw new GatehouseError('csr_not_pem', `${text.length} characters; ${MAX_PEM_LENGTH} are accepted`);
  }
  const block = findPemBlock(text);
  if (block === undefined) return decodeBareCsr(text);
  if (!LABELS.includes(block.label)) {
    throw new GatehouseError('csr_not_pem', `The PEM block holds a ${block.label}`);
  }
  if (block.after.trim() !== '') {
    throw new GatehouseError('csr_trailing_data', 'Text follows the END line of the request');
  }
  const der = decodeBase64(block.body);
  if (der === undefined) throw new GatehouseError('csr_base64_invalid');
  return der;
}

function decodeBareCsr(text: string): Uint8Array {
  const der = decodeBase64(text);
  if (der === undefined || der.length === 0) {
    throw new GatehouseError('csr_not_pem', 'Neither a PEM block nor base64 alone was found');
  }
  return der;
}

/**
 * @param der a CertificationRequest, from a stranger
 * @throws GatehouseError `csr_malformed`, `csr_trailing_data`, `csr_signature_algorithm_unsupported`,
 *   `csr_signature_invalid`, `key_unsupported`, `key_weak`, `cn_invalid`
 */
export function parseCsr(der: Uint8Array): CertificationRequest {
  const length = declaredLength(der);
  if (length !== undefined && length < der.length) {
    throw new GatehouseError(
      'csr_trailing_data',
      `The request ends ${der.length - length} bytes before its data`,
    );
  }
  return refuseMalformed('csr_malformed', () => readRequest(der));
}

/** CertificationRequest of RFC 2986 §4.2 */
function readRequest(der: Uint8Array): CertificationRequest {
  const fields = new Fields(decodeDer(der, LIMITS));
  const info = fields.next(tags.sequence);
  const algorithm = readSignatureAlgorithm(fields.next(tags.sequence));
  const signature = readOctetsOfBitString(fields.next(tags.bitString));
  fields.end();

  const infoFields = new Fields(info);
  const version = readUnsignedInteger(infoFields.next(tags.integer));
  if (version !== 0n) throw new DerError('not a request of version 1');
  const subject = infoFields.next(tags.sequence);
  const publicKey = readPublicKey(infoFields.next(tags.sequence));
  // Required by RFC 2986 §4.1, yet some encoders omit it when it is empty.
  const attributes = readCsrAttributes(infoFields.optional(contextTag(0)));
  infoFields.end();

  if (algorithm === undefined || !suitsKey(algorithm, publicKey.kind)) {
    throw new GatehouseError('csr_signature_algorithm_unsupported');
  }
  // Proof of possession (RFC 2986 §3 note 2), over the very bytes that were signed.
  if (!verifySignature(algorithm, publicKey.keyObject, info.bytes, signature)) {
    throw new GatehouseError('csr_signature_invalid');
  }
  return {
    commonName: readCommonName(subject),
    subject: nameText(subject),
    comparableSubject: comparableName(subject),
    publicKey,
    attributes,
  };
}
