/** OCSP over HTTP (RFC 6960 appendix A, RFC 5019 §5 and §6): every answer is HTTP 200, refusals included. */
import type { FastifyReply } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import { MAX_OCSP_REQUEST } from '../../core/pki/ocsp.ts';
import { isNotModified } from '../http/conditional.ts';
import type { HttpServer } from '../http/http-server.ts';
import { registerScope } from '../http/scope.ts';
import type { OcspResponder, SharedAnswer } from '../status/ocsp-responder.ts';

const PREFIX = '/ocsp';
/** s for which a cache may hand an answer on, without asking whether it still holds: so late may it learn of a revocation. */
const MAX_AGE = 60;
/** Base64 is a third longer than DER, and three times that where every character is percent-encoded. */
const MAX_PATH = MAX_OCSP_REQUEST * 4;
const NOTHING = Buffer.alloc(0);

export interface OcspRoutes {
  readonly ocsp: OcspResponder;
  readonly clock: Clock;
}

export function ocspRoutes(server: HttpServer, { ocsp, clock }: OcspRoutes): void {
  // A scope of its own: here whatever is sent is taken for a request, whatever type it is said to be of, or of none.
  registerScope(server, { name: 'ocsp' }, (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: MAX_OCSP_REQUEST },
      (_request, body, parsed) => parsed(null, body),
    );
    scope.post(PREFIX, async ({ body }, reply) => {
      const { der } = await ocsp.answer(Buffer.isBuffer(body) ? body : NOTHING);
      return send(reply.header('Cache-Control', 'no-store'), der);
    });
    scope.get(`${PREFIX}/*`, async ({ url, headers }, reply) => {
      const { der, shared } = await ocsp.answer(requestInPath(url));
      if (shared === null) return send(reply.header('Cache-Control', 'no-store'), der);
      const validators = { etag: `"${shared.etag}"`, lastModified: shared.thisUpdate };
      allowCaching(reply, shared, validators.etag);
      // By If-None-Match alone: a revocation may come within the second that If-Modified-Since knows.
      const known = isNotModified({ 'if-none-match': headers['if-none-match'] }, validators);
      return known ? reply.status(304).send() : send(reply, der);
    });
  });

  /** RFC 5019 §6.2. Nobody keeps an answer beyond nextUpdate. */
  function allowCaching(reply: FastifyReply, { thisUpdate, nextUpdate }: SharedAnswer, etag: string): void {
    const left = Math.floor((nextUpdate - clock.now()) / 1_000);
    const maxAge = Math.max(0, Math.min(MAX_AGE, left));
    reply
      .header('Cache-Control', `max-age=${maxAge}, public, no-transform, must-revalidate`)
      .header('ETag', etag)
      .header('Last-Modified', new Date(thisUpdate).toUTCString())
      .header('Expires', new Date(nextUpdate).toUTCString());
  }
}

function send(reply: FastifyReply, der: Buffer): FastifyReply {
  return reply.type('application/ocsp-response').send(der);
}

/**
 * RFC 6960 appendix A.1: the request in base64, percent-encoded, as the end of the path. Met in the field are `/`, `+` and
 * `=` encoded and not, no `=` at all, a second `/` in front, and `+` that somebody has turned into a space.
 * @returns no bytes for what is not base64, which is answered with malformedRequest
 */
function requestInPath(url: string): Buffer {
  const [path = ''] = url.slice(PREFIX.length).split('?', 1);
  const base64 = path.length > MAX_PATH ? undefined : decoded(path)?.replace(/^\/+/, '').replaceAll(' ', '+');
  return base64 !== undefined && /^[A-Za-z0-9+/]+={0,2}$/.test(base64)
    ? Buffer.from(base64, 'base64')
    : NOTHING;
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
