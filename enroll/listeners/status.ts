/**
 * The status listener: plain HTTP, public, read-only. What it serves is signed, and whoever checks a
 * certificate must be able to fetch it without checking a certificate first.
 */
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import { parseFingerprint } from '../../core/ids.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { Logger } from '../../runtime/log.ts';
import type { CrlStore } from '../crl/crl-store.ts';
import { createHttpServer, type HttpServer } from '../http/http-server.ts';
import { bundleRoutes } from '../routes/bundles.ts';
import { crlRoutes } from '../routes/crls.ts';
import { ocspRoutes } from '../routes/ocsp.ts';
import type { OcspResponder } from '../status/ocsp-responder.ts';

/** This process also answers operators: strangers do not get all of it. */
const MAX_CONNECTIONS = 1_000;
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
  ocspRoutes(server, { ocsp, clock });
  return server;
}
