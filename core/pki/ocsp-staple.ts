/**
 * OCSP responses, read as far as a TLS listener must know one before it staples it to its handshakes (RFC 6066 §8):
 * which certificate it is about, and for how long it holds. Nothing is verified: whoever is given it does that.
 */
import type { SerialNumber } from '../ids.ts';
import {
  contextTag,
  explicitContent,
  Fields,
  readObjectIdentifier,
  readTime,
  readUnsignedInteger,
  tags,
} from './der-fields.ts';
import { type DerElement, DerError, type DerLimits, decodeDer } from './der-reader.ts';
import { readCertId } from './ocsp-cert-id.ts';
import { ocspResponseStatus } from './ocsp-response-status.ts';
import { oids } from './oids.ts';

export interface Staple {
  readonly der: Uint8Array;
  readonly serialNumber: SerialNumber;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
}

const LIMITS: DerLimits = { maxBytes: 16 * 1024, maxDepth: 20 };
/** CertStatus: good [0] and unknown [2] are NULL, revoked [1] is a SEQUENCE. */
const CERT_STATUS = [0x80, 0xa1, 0x82];
/** ResponderID: byName [1], byKey [2] */
const RESPONDER_ID = [contextTag(1), contextTag(2)];

/** @returns undefined for whatever is not a response about one certificate that says how long it holds */
export function readStaple(der: Uint8Array): Staple | undefined {
  try {
    return { der, ...readSingleResponse(readResponses(readBasicResponse(der))) };
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** The BasicOCSPResponse within an OCSPResponse (RFC 6960 §4.2.1). */
function readBasicResponse(der: Uint8Array): DerElement {
  const response = new Fields(decodeDer(der, LIMITS));
  const [status] = response.next(tags.enumerated).content;
  if (status !== ocspResponseStatus.successful) throw new DerError('a refusal');
  const responseBytes = new Fields(explicitContent(response.next(contextTag(0))));
  response.end();
  if (readObjectIdentifier(responseBytes.next(tags.objectIdentifier)) !== oids.ocspBasicResponse) {
    throw new DerError('not a basic response');
  }
  return decodeDer(responseBytes.next(tags.octetString).content, LIMITS);
}

function readResponses(basicResponse: DerElement): DerElement {
  const data = new Fields(new Fields(basicResponse).next(tags.sequence));
  const version = data.optional(contextTag(0));
  if (version !== undefined && readUnsignedInteger(explicitContent(version)) !== 0n) {
    throw new DerError('not a response of version 1');
  }
  data.next(...RESPONDER_ID);
  data.next(tags.generalizedTime);
  const [response, surplus] = data.next(tags.sequence).children;
  if (response === undefined || surplus !== undefined) throw new DerError('not about one certificate');
  return response;
}

function readSingleResponse(response: DerElement): Omit<Staple, 'der'> {
  const fields = new Fields(response);
  const { serialNumber } = readCertId(fields.next(tags.sequence));
  fields.next(...CERT_STATUS);
  const thisUpdate = readTime(fields.next(tags.generalizedTime));
  const nextUpdate = readTime(explicitContent(fields.next(contextTag(0))));
  if (serialNumber === undefined) throw new DerError('not about a certificate that can be');
  return { serialNumber, thisUpdate, nextUpdate };
}
