/**
 * The status listener: plain HTTP, public, read-only. What it serves is signed, and whoever checks a
 * certificate must be able to fetch it without checking a certificate first.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import { parseFingerprint } from '../../core/ids.ts';
import type { RegistryReader } from '../../registry/port.ts';
import type { Logger } from '../../runtime/log.ts';
import type { CrlStore } from '../crl/crl-store.ts';
import { crlRoutes } from '../crl/routes.ts';
import { createHttpServer, type HttpServer } from '../http/http-server.ts';
import { bundleRoutes } from '../status/bundles.ts';
import type { OcspResponder } from '../status/ocsp-responder.ts';

const OCSP_REQUEST_LIMIT = 8 * 1024;
/** This process also answers operators: strangers do not get all of it. */
const MAX_CONNECTIONS = 1_000;
/** A cache may hand an answer on for a minute: by then, a revocation is known everywhere. */
const CACHEABLE = 'max-age=60, public, no-transform, must-revalidate';
const file = (extension: string) =>
  z.object({
    fingerprint: z.string().transform(parseFingerprint).describe(`of the issuer, then .${extension}`),
  });

export interface StatusListener {
  readonly registry: RegistryReader;
  readonly crls: Pick<CrlStore, 'find'>;
  readonly ocsp: OcspResponder;
  readonly clock: Clock;
  readonly log: Logger;
  /** Requests a minute from one address. */
  readonly addressRate: number;
}

export async function createStatusListener(options: StatusListener): Promise<HttpServer> {
  const { registry, crls, ocsp, clock, log, addressRate } = options;
  const server = await createHttpServer({ log, addressRate, maxConnections: MAX_CONNECTIONS });
  server.get('/health', async () => ({ status: 'ok' }));

  server.get('/ca/:fingerprint.cer', { schema: { params: file('cer') } }, async ({ params }, reply) => {
    const issuer = await registry.issuer(params.fingerprint);
    if (issuer === undefined) throw new GatehouseError('issuer_unknown');
    return reply.type('application/pkix-cert').send(Buffer.from(issuer.der));
  });

  crlRoutes(server, { crls, clock });
  bundleRoutes(server, { registry, crls });

  server.addContentTypeParser(
    'application/ocsp-request',
    { parseAs: 'buffer', bodyLimit: OCSP_REQUEST_LIMIT },
    (_request, body, done) => done(null, body),
  );
  server.post('/ocsp', { bodyLimit: OCSP_REQUEST_LIMIT }, async ({ body }, reply) => {
    const { der } = await ocsp.answer(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
    return reply.header('Cache-Control', 'no-store').type('application/ocsp-response').send(Buffer.from(der));
  });
  // RFC 6960 appendix A.1: the request in base64 in the path, met with `/`, `+` and `=` encoded and not.
  server.get('/ocsp/*', async ({ url }, reply) => {
    const { der, cacheable } = await ocsp.answer(requestInPath(url));
    reply.header('Cache-Control', cacheable === null ? 'no-store' : CACHEABLE);
    if (cacheable !== null) {
      // RFC 5019 §6.2
      reply.header('ETag', `"${createHash('sha256').update(der).digest('hex')}"`);
      reply.header('Last-Modified', new Date(cacheable.thisUpdate).toUTCString());
      reply.header('Expires', new Date(cacheable.nextUpdate).toUTCString());
    }
    return reply.type('application/ocsp-response').send(Buffer.from(der));
  });
  return server;
}

/** Bytes that are not base64 come out as none, which the responder answers with malformedRequest. */
function requestInPath(url: string): Buffer {
  const encoded = url.slice('/ocsp/'.length);
  try {
    return Buffer.from(decodeURIComponent(encoded), 'base64');
  } catch {
    return Buffer.alloc(0);
  }
}
