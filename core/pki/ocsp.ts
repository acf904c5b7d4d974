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
import type { CertId } from './ocsp-cert-id.ts';
import { ocspResponseStatus } from './ocsp-response-status.ts';
import { oids } from './oids.ts';
import type { PublicKey } from './public-key.ts';
import { type RevocationReason, revocationReasons } from './revocation-reason.ts';
import { type IssuedCertificate, signed } from './sign-certificate.ts';
import type { Signer } from './signer.ts';

export { type CertId, type IssuerHashes, isAboutIssuer, issuerHashes } from './ocsp-cert-id.ts';
export { buildOcspRequest, MAX_OCSP_REQUEST, type OcspRequest, parseOcspRequest } from './ocsp-request.ts';

/** Who signs, and what of it stands in every answer, encoded once. */
export interface OcspResponder {
  readonly signer: Signer;
  readonly responderId: Asn1;
  readonly certificates: Asn1;
  /** Of its certificate, milliseconds since the epoch: no answer of it is worth anything outside. */
  readonly notBefore: number;
  readonly notAfter: number;
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
  /** Milliseconds since the epoch; fractions of a second are cut off. */
  readonly producedAt: number;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
}

/** Why there is no answer: `unauthorized` for the certificates of a foreign issuer (RFC 5019 §2.2.3). */
export type OcspRefusal = Exclude<keyof typeof ocspResponseStatus, 'successful'>;

/** @param certificate that issueOcspResponderCertificate made for this key */
export function ocspResponder(
  { der, notBefore, notAfter }: Pick<IssuedCertificate, 'der' | 'notBefore' | 'notAfter'>,
  { subjectPublicKey }: PublicKey,
  signer: Signer,
): OcspResponder {
  // ResponderID: byKey [2], SHA-1 over the key's bits; the RFC knows no other digest here.
  const responderId = constant(explicit(2, octetString(hash('sha1', subjectPublicKey, 'buffer'))));
  const certificates = constant(explicit(0, sequence(encoded(der))));
  return { signer, responderId, certificates, notBefore, notAfter };
}

/** @returns DER OCSPResponse, unsigned, as refusals are */
export function buildOcspRefusal(refusal: OcspRefusal): Uint8Array {
  return encode(sequence(enumerated(ocspResponseStatus[refusal])));
}

/** @returns DER OCSPResponse with a BasicOCSPResponse (§4.2.1) and the responder's certificate in it */
export async function buildOcspResponse(content: OcspContent): Promise<Uint8Array> {
  const { responder, answers, nonce, producedAt } = content;
  const responseData = sequence(
    responder.responderId,
    generalizedTime(producedAt),
    sequenceOf(answers.map((answer) => singleResponse(answer, content))),
    ...(nonce === null ? [] : [explicit(1, sequence(extension(oids.ocspNonce, octetString(nonce))))]),
  );
  const basicResponse = await signed(encode(responseData), responder.signer, responder.certificates);
  return encode(sequence(successful, explicit(0, sequence(basicResponseType, octetString(basicResponse)))));
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

const successful = constant(enumerated(ocspResponseStatus.successful));
const basicResponseType = constant(objectIdentifier(oids.ocspBasicResponse));

/** An element whose encoding is kept, for what stands in many structures. */
function constant(element: Asn1): Asn1 {
  return encoded(encode(element));
}
