/** The device listener: HTTPS for everybody who has, or wants, a certificate. Rates are limited by address. */
import { factoryAnchors, trustAnchors } from '../../registry/trust-anchors.ts';
import type { Logger } from '../../runtime/log.ts';
import { SecureContextSource } from '../../runtime/secure-context.ts';
import { estRoutes } from '../est/routes.ts';
import {
  createHttpServer,
  type HttpServer,
  type HttpServerOptions,
  refusalReporter,
} from '../http/http-server.ts';
import { PeerChains } from '../http/peer-chains.ts';
import { createTokenLimit } from '../http/token-limit.ts';
import type { OwnRefusals } from '../reports/own-refusals.ts';
import { type EnrollmentRoutes, enrollmentRoutes } from '../routes/enrollment.ts';
import { renewalRoutes } from '../routes/renewal.ts';
import { watchIssuers } from './issuer-watch.ts';

const MAX_CONNECTIONS = 10_000;

export interface DeviceListener extends Omit<EnrollmentRoutes, 'limitToken' | 'peers'> {
  readonly log: Logger;
  readonly tlsFile: string;
  readonly stapleFile: string;
  /** As SecureContextOptions has it. */
  readonly pollInterval?: number | undefined;
  readonly refusals: OwnRefusals;
  /** Requests a minute from one address. */
  readonly addressRate: number;
  /** Enrollments a minute that may be tried with one token. */
  readonly tokenRate: number;
}

export async function createDeviceListener(options: DeviceListener): Promise<HttpServer> {
  const { log, tlsFile, stapleFile, pollInterval, addressRate, tokenRate, refusals, ...parts } = options;
  const { registry, clock } = parts.context;
  const source = new SecureContextSource({
    file: tlsFile,
    trustAnchors: async () => [...(await trustAnchors(registry)), ...(await factoryAnchors(registry))],
    // No ticket keys: a device connects here a few times in a year; that its whole chain is there each time is worth more.
    staple: { file: stapleFile, clock },
    pollInterval,
    log,
  });
  const peers = new PeerChains();
  const watchTrust = (reload: () => Promise<void>) => watchIssuers({ registry, onChange: reload, log });
  const onRefusal: HttpServerOptions['onRefusal'] = (rule, request, detail) => {
    parts.metrics.refused(rule);
    refusals.note(request, rule, detail);
  };
  const server = await createHttpServer({
    log,
    tls: {
      source,
      context: await source.read(),
      watchTrust,
    },
    addressRate,
    maxConnections: MAX_CONNECTIONS,
    onRefusal,
  });
  server.get('/health', async () => ({ status: 'ok' }));

  // A CSR alone as the body, in PEM or base64, reads as the JSON form does: for EST, and for curl without JSON.
  server.addContentTypeParser('application/pkcs10', { parseAs: 'string' }, (_request, csr, done) => {
    done(null, { csr });
  });
  const routes = { ...parts, peers, limitToken: createTokenLimit(server, tokenRate) };
  enrollmentRoutes(server, routes);
  renewalRoutes(server, routes);
  estRoutes(server, { ...routes, report: refusalReporter({ log, onRefusal }) });
  return server;
}
