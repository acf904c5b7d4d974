/**
 * The status listener: plain HTTP, public, read-only. What it serves is signed, and whoever checks a
 * certificate must be able to fetch it without checking a certificate first.
 */
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type Fingerprint, parseFingerprint } from '../../core/ids.ts';
import { encodePem } from '../../core/pki/pem.ts';
import type { RegistryReader } from '../../registry/port.ts';
import type { CrlRecord } from '../../registry/records.ts';
import type { Logger } from '../../runtime/log.ts';
import { createHttpServer, type HttpServer } from '../http/http-server.ts';
import { ocspRoutes } from '../routes/ocsp.ts';
import { JournalCache } from '../status/journal-cache.ts';
import type { OcspResponder } from '../status/ocsp-responder.ts';

/** This process also answers operators: strangers do not get all of it. */
const MAX_CONNECTIONS = 1_000;
const CRL_KEPT_MS = 600_000;
const file = (extension: string) =>
  z.object({
    fingerprint: z.string().transform(parseFingerprint).describe(`of the issuer, then .${extension}`),
  });

export interface StatusListener {
  readonly registry: RegistryReader;
  readonly ocsp: OcspResponder;
  readonly clock: Clock;
  readonly log: Logger;
  /** Requests a minute from one address. */
  readonly addressRate: number;
}

export async function createStatusListener(options: StatusListener): Promise<HttpServer> {
  const { registry, ocsp, clock, log, addressRate } = options;
  const server = await createHttpServer({ log, addressRate, maxConnections: MAX_CONNECTIONS });
  // One copy for all who fetch it at the same time: a large CRL times many slow readers would be much memory.
  const crls = new JournalCache<CrlRecord>({ registry, clock, maxEntries: 64, maxAge: CRL_KEPT_MS });
  server.get('/health', async () => ({ status: 'ok' }));

  server.get('/ca/:fingerprint.cer', { schema: { params: file('cer') } }, async ({ params }, reply) => {
    const issuer = await registry.issuer(params.fingerprint);
    if (issuer === undefined) throw new GatehouseError('issuer_unknown');
    return reply.type('application/pkix-cert').send(Buffer.from(issuer.der));
  });

  server.get(
    '/crl/:fingerprint.crl',
    { schema: { params: file('crl') } },
    async ({ params, headers }, reply) => {
      const crl = await latestCrl(params.fingerprint);
      const etag = `"${crl.issuer.slice(0, 16)}-${crl.number}"`;
      reply.header('ETag', etag).header('Last-Modified', new Date(crl.thisUpdate).toUTCString());
      if (headers['if-none-match'] === etag) return reply.status(304).send();
      return reply.type('application/pkix-crl').send(crl.der);
    },
  );
  server.get('/crl/:fingerprint.pem', { schema: { params: file('pem') } }, async ({ params }, reply) =>
    reply
      .type('application/x-pem-file')
      .send(encodePem('X509 CRL', (await latestCrl(params.fingerprint)).der)),
  );

  ocspRoutes(server, { ocsp, clock });

  function latestCrl(issuer: Fingerprint): Promise<CrlRecord> {
    return crls.get(issuer, async () => {
      const crl = await registry.latestCrl(issuer);
      if (crl === undefined) throw new GatehouseError('issuer_unknown', 'there is no CRL of this issuer');
      return crl;
    });
  }
  return server;
}
