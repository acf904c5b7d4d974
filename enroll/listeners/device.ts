/** The device listener: HTTPS for everybody who has, or wants, a certificate. Rates are limited by address. */
import rateLimit from '@fastify/rate-limit';
import { GatehouseError } from '../../core/errors.ts';
import { trustAnchors } from '../../registry/trust-anchors.ts';
import type { Logger } from '../../runtime/log.ts';
import { SecureContextSource } from '../../runtime/secure-context.ts';
import { type EnrollmentRoutes, enrollmentRoutes } from '../routes/enrollment.ts';
import { renewalRoutes } from '../routes/renewal.ts';
import { createHttpServer, type HttpServer } from './http-server.ts';
import { watchIssuers } from './issuer-watch.ts';

/** Addresses whose requests are counted at one time; beyond them the one not seen for longest is forgotten. */
const COUNTED_ADDRESSES = 50_000;

export interface DeviceListener extends EnrollmentRoutes {
  readonly log: Logger;
  readonly tlsFile: string;
  /** Requests a minute from one address. */
  readonly addressRate: number;
}

export async function createDeviceListener({
  log,
  tlsFile,
  addressRate,
  ...routes
}: DeviceListener): Promise<HttpServer> {
  const { registry } = routes.context;
  const source = new SecureContextSource({
    file: tlsFile,
    trustAnchors: () => trustAnchors(registry),
    log,
  });
  const watchTrust = (reload: () => Promise<void>) => watchIssuers({ registry, onChange: reload, log });
  const tls = { source, context: await source.read(), watchTrust };
  const server = createHttpServer({ log, tls, onRefusal: (code) => routes.metrics.refused(code) });
  await server.register(rateLimit, {
    max: addressRate,
    timeWindow: 60_000,
    cache: COUNTED_ADDRESSES,
    // A whole /64 is one subscriber's: counting its addresses one by one would be no limit.
    ipv6Subnet: 64,
    errorResponseBuilder: (_request, { after }) =>
      new GatehouseError('rate_limited', `too many requests from this address; go on after ${after}`),
  });
  server.get('/health', async () => ({ status: 'ok' }));
  enrollmentRoutes(server, routes);
  renewalRoutes(server, routes);
  return server;
}
