/** How EST's messages travel: DER in base64, in the wrapping that the client at hand can read (RFC 8951 §3.1). */
import { randomBytes } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { certsOnly } from '../../core/pki/pkcs7.ts';
import type { EnrollmentOutcome } from '../use-cases/enrolling/enroll-device.ts';
import { sendAnswer, sendHint } from './answer.ts';

/**
 * Base64 in lines, or in one piece. libest cannot read long lines, strongSwan cannot read line breaks; neither
 * says so, but each writes as it reads.
 */
export type Wrapping = 'lines' | 'none';

const LINE_LENGTH = 64;
const CERTS_ONLY = 'application/pkcs7-mime; smime-type=certs-only';

/** The wrapping of what a client sent: a line break within the text, not just at its end. */
export function wrappingOf(text: string): Wrapping {
  return /[\r\n]/.test(text.trim()) ? 'lines' : 'none';
}

/** A client that sends no User-Agent is strongSwan, or one as small. */
export function wrappingForGet(userAgent: string | undefined): Wrapping {
  return userAgent === undefined ? 'none' : 'lines';
}

function encodeBase64(der: Uint8Array, wrapping: Wrapping): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  if (wrapping === 'none') return base64;
  return base64.replace(new RegExp(`.{1,${LINE_LENGTH}}`, 'g'), '$&\n');
}

/** Answers with DER. */
export function sendDer(
  reply: FastifyReply,
  contentType: string,
  der: Uint8Array,
  wrapping: Wrapping,
): FastifyReply {
  reply.type(contentType).header('Content-Transfer-Encoding', 'base64');
  return sendAnswer(reply, encodeBase64(der, wrapping));
}

/** Answers with certificates alone (RFC 7030 §4.1.3, §4.2.3). */
export function sendCertificates(
  reply: FastifyReply,
  certificates: readonly Uint8Array[],
  wrapping: Wrapping,
): FastifyReply {
  return sendDer(reply, CERTS_ONLY, certsOnly(certificates), wrapping);
}

/** Answers that an operator has not decided yet (RFC 7030 §4.2.3). */
export function sendAwaiting(
  reply: FastifyReply,
  { request, retryAfter }: EnrollmentOutcome & { kind: 'awaiting' },
): FastifyReply {
  reply.status(202).header('Retry-After', retryAfter);
  return sendHint(reply, `approval_pending: request ${request.id} waits for an operator`);
}

/** Answers with a private key and its certificate (RFC 7030 §4.4.2). */
export function sendKeyAndCertificate(
  reply: FastifyReply,
  { pkcs8, certificate }: { readonly pkcs8: Uint8Array; readonly certificate: Uint8Array },
  wrapping: Wrapping,
): FastifyReply {
  const boundary = `gatehouse-${randomBytes(12).toString('hex')}`;
  const parts = [
    { type: 'application/pkcs8', der: pkcs8 },
    { type: CERTS_ONLY, der: certsOnly([certificate]) },
  ].map(({ type, der }) =>
    [
      `--${boundary}`,
      `Content-Type: ${type}`,
      'Content-Transfer-Encoding: base64',
      '',
      encodeBase64(der, wrapping).trimEnd(),
      '',
    ].join('\r\n'),
  );
  reply.type(`multipart/mixed; boundary=${boundary}`).header('Cache-Control', 'no-store');
  return sendAnswer(reply, `${parts.join('')}--${boundary}--\r\n`);
}
