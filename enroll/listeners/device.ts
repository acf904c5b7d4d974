/** The device listener: HTTPS for everybody who has, or wants, a certificate. Rates are limited by address. */
import type { Logger } from '../../runtime/log.ts';
import { type EnrollmentRoutes, enrollmentRoutes } from '../routes/enrollment.ts';
import { createHttpServer, type HttpServer } from './http-server.ts';

const MAX_CONNECTIONS = 10_000;

export interface DeviceListener extends EnrollmentRoutes {
  readonly log: Logger;
  readonly tlsFile: string;
  /** Requests a minute from one address. */
  readonly addressRate: number;
}

export async function createDeviceListener(options: DeviceListener): Promise<HttpServer> {
  const { log, tlsFile, addressRate, ...routes } = options;
  const server = await createHttpServer({
    log,
    tlsFile,
    addressRate,
    maxConnections: MAX_CONNECTIONS,
    onRefusal: (rule) => routes.metrics.refused(rule),
  });
  server.get('/health', async () => ({ status: 'ok' }));
  enrollmentRoutes(server, routes);
  return server;
}
