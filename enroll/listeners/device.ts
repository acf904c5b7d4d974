/** The device listener: HTTPS for everybody who has, or wants, a certificate. Rates are limited by address. */
import rateLimit from '@fastify/rate-limit';
import { GatehouseError } from '../../core/errors.ts';
import { trustAnchors } from '../../registry/trust-anchors.ts';
import type { Logger } from '../../runtime/log.ts';
import { SecureContextSource } from '../../runtime/secure-context.ts';
import { estRoutes } from '../est/routes.ts';
import { type EnrollmentRoutes, enrollmentRoutes } from '../routes/enrollment.ts';
import { renewalRoutes } from '../routes/renewal.ts';
import { createHttpServer, type HttpServer, refusalReporter } from './http-server.ts';
import { watchIssuers } from './issuer-watch.ts';
import { createTokenLimit } from './token-limit.ts';

/** Addresses whose requests are counted at one time; beyond them the one not seen for longest is forgotten. */
const COUNTED_ADDRESSES = 50_000;
const WITHOUT_COUNTS = {
  'x-ratelimit-limit': false,
  'x-ratelimit-remaining': false,
  'x-ratelimit-reset': false,
};

export interface DeviceListener extends Omit<EnrollmentRoutes, 'limitToken'> {
  readonly log: Logger;
  readonly tlsFile: string;
  /** Requests a minute from one address. */
  readonly addressRate: number;
  /** Enrollments a minute that may be tried with one token. */
  readonly tokenRate: number;
}

export async function createDeviceListener({
  log,
  tlsFile,
  addressRate,
  tokenRate,
  ...parts
}: DeviceListener): Promise<HttpServer> {
  const { registry } = parts.context;
  const source = new SecureContextSource({
    file: tlsFile,
    trustAnchors: () => trustAnchors(registry),
    log,
  });
  const watchTrust = (reload: () => Promise<void>) => watchIssuers({ registry, onChange: reload, log });
  const tls = { source, context: await source.read(), watchTrust };
  const onRefusal = (code: string) => parts.metrics.refused(code);
  const server = createHttpServer({ log, tls, onRefusal });
  await server.register(rateLimit, {
    max: addressRate,
    timeWindow: 60_000,
    cache: COUNTED_ADDRESSES,
    // A whole /64 is one subscriber's: counting its addresses one by one would be no limit.
    ipv6Subnet: 64,
    // Retry-After says what matters; strongSwan's EST client has room for 1,024 bytes of headers.
    addHeaders: WITHOUT_COUNTS,
    addHeadersOnExceeding: WITHOUT_COUNTS,
    errorResponseBuilder: (_request, { after }) =>
      new GatehouseError('rate_limited', `too many requests from this address; go on after ${after}`),
  });
  server.get('/health', async () => ({ status: 'ok' }));

  // A CSR alone as the body, in PEM or base64, reads as the JSON form does: for EST, and for curl without JSON.
  server.addContentTypeParser('application/pkcs10', { parseAs: 'string' }, (_request, csr, done) => {
    done(null, { csr });
  });
  const routes = { ...parts, limitToken: createTokenLimit(server, tokenRate) };
  enrollmentRoutes(server, routes);
  renewalRoutes(server, routes);
  estRoutes(server, { ...routes, report: refusalReporter({ log, onRefusal }) });
  return server;
}
