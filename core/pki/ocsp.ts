/** OCSP responses (RFC 6960 §4.2), signed by a responder that the issuer delegated; and the door to the requests. */
import { hash } from 'node:crypto';
import {
  type Asn1,
  encode,
  encoded,
  enumerated,
  explicit,
  generalizedTime,
  implicit,
  implicitPrimitive,
  objectIdentifier,
  octetString,
  sequence,
  sequenceOf,
} from './der.ts';
import { extension } from './extensions.ts';
import type { CertId } from './ocsp-request.ts';
import { oids } from './oids.ts';
import type { PublicKey } from './public-key.ts';
import { type RevocationReason, revocationReasons } from './revocation-reason.ts';
import { signed } from './sign-certificate.ts';
import type { Signer } from './signer.ts';

export { type CertId, isAboutIssuer, type OcspRequest, parseOcspRequest } from './ocsp-request.ts';

/** Who signs: a certificate that issueOcspResponderCertificate made, and its key. */
export interface OcspResponder {
  readonly certificate: Uint8Array;
  readonly publicKey: PublicKey;
  readonly signer: Signer;
}

/** `unknown` is also the answer for a serial number that was never issued. */
export type OcspStatus =
  | { readonly status: 'good' }
  | { readonly status: 'revoked'; readonly revokedAt: number; readonly reason: RevocationReason }
  | { readonly status: 'unknown' };

export interface OcspAnswer {
  readonly certId: CertId;
  readonly status: OcspStatus;
}

export interface OcspContent {
  readonly responder: OcspResponder;
  readonly answers: readonly OcspAnswer[];
  /** As the request had it. */
  readonly nonce: Uint8Array | null;
  /** Milliseconds since the epoch. */
  readonly producedAt: number;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
}

/** OCSPResponseStatus (§4.2.1). All of them travel as HTTP 200. */
const responseStatus = {
  successful: 0,
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  unauthorized: 6,
} as const;

/** Why there is no answer: `unauthorized` for the certificates of a foreign issuer (RFC 5019 §2.2.3). */
export type OcspRefusal = Exclude<keyof typeof responseStatus, 'successful'>;

/** @returns DER OCSPResponse, unsigned, as refusals are */
export function buildOcspRefusal(refusal: OcspRefusal): Uint8Array {
  return encode(sequence(enumerated(responseStatus[refusal])));
}

/** @returns DER OCSPResponse with a BasicOCSPResponse (§4.2.1) and the responder's certificate in it */
export async function buildOcspResponse(content: OcspContent): Promise<Uint8Array> {
  const { responder, answers, nonce, producedAt } = content;
  const responseData = sequence(
    responderByKey(responder.publicKey),
    generalizedTime(producedAt),
    sequenceOf(answers.map((answer) => singleResponse(answer, content))),
    ...(nonce === null ? [] : [explicit(1, sequence(extension(oids.ocspNonce, octetString(nonce))))]),
  );
  const certificates = explicit(0, sequence(encoded(responder.certificate)));
  const basicResponse = await signed(encode(responseData), responder.signer, certificates);
  const responseBytes = sequence(objectIdentifier(oids.ocspBasicResponse), octetString(basicResponse));
  return encode(sequence(enumerated(responseStatus.successful), explicit(0, responseBytes)));
}

/** ResponderID: byKey [2], SHA-1 over the key's bits; the RFC knows no other digest here. */
function responderByKey({ subjectPublicKey }: PublicKey): Asn1 {
  return explicit(2, octetString(hash('sha1', subjectPublicKey, 'buffer')));
}

function singleResponse({ certId, status }: OcspAnswer, { thisUpdate, nextUpdate }: OcspContent): Asn1 {
  return sequence(
    encoded(certId.der),
    certStatus(status),
    generalizedTime(thisUpdate),
    explicit(0, generalizedTime(nextUpdate)),
  );
}

/** CertStatus ::= CHOICE { good [0], revoked [1] RevokedInfo, unknown [2] }, tagged IMPLICIT */
function certStatus(status: OcspStatus): Asn1 {
  switch (status.status) {
    case 'good':
      return implicitPrimitive(0, new Uint8Array());
    case 'revoked': {
      const { revokedAt, reason } = status;
      const reasonField =
        reason === 'unspecified' ? [] : [explicit(0, enumerated(revocationReasons[reason]))];
      return implicit(1, generalizedTime(revokedAt), ...reasonField);
    }
    case 'unknown':
      return implicitPrimitive(2, new Uint8Array());
  }
}
