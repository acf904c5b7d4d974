/** POST /v1/enroll and GET /v1/ca: what a device needs before it has a certificate. */
import { createHash } from 'node:crypto';
import { GatehouseError } from '../../core/errors.ts';
import { encodePem } from '../../core/pki/pem.ts';
import type { EnrollContext } from '../context.ts';
import { bearerToken, type HttpServer } from '../listeners/http-server.ts';
import type { EnrollMetrics } from '../metrics.ts';
import { enrollDevice } from '../use-cases/enroll-device.ts';
import { certificateAnswer, csrBody } from './certificate-answer.ts';

export interface EnrollmentRoutes {
  readonly context: EnrollContext;
  readonly metrics: EnrollMetrics;
  readonly mqttUrl: string;
  /** Enrollments a minute that may be tried with one token. */
  readonly tokenRate: number;
}

export function enrollmentRoutes(
  server: HttpServer,
  { context, metrics, mqttUrl, tokenRate }: EnrollmentRoutes,
): void {
  const limitToken = server.createRateLimit({
    max: tokenRate,
    timeWindow: 60_000,
    // By the whole token: whoever knows just its public id cannot use up the limit of its holder.
    keyGenerator: ({ headers }) =>
      createHash('sha256')
        .update(headers.authorization ?? '')
        .digest('base64'),
  });

  // For devices with curl and no JSON: the PEM file as the body, and the PEM chain as the answer.
  server.addContentTypeParser('application/pkcs10', { parseAs: 'string' }, (_request, csr, done) => {
    done(null, { csr });
  });

  const answer = certificateAnswer(context, mqttUrl);

  server.post('/v1/enroll', { schema: { body: csrBody } }, async (request, reply) => {
    const limit = await limitToken(request);
    if (!limit.isAllowed && limit.isExceeded) {
      reply.header('Retry-After', limit.ttlInSeconds);
      throw new GatehouseError('rate_limited', 'this token is used more often than is allowed');
    }
    const enrollment = await enrollDevice(context, {
      token: bearerToken(request.headers.authorization),
      csrPem: request.body.csr,
    });
    metrics.enrolled(enrollment.created);
    return answer(request, reply, enrollment);
  });

  server.get('/v1/ca', async (_request, reply) => {
    const issuers = await context.registry.issuers();
    const roots = issuers.filter(({ kind, status }) => kind === 'root' && status !== 'retired');
    return reply
      .type('application/x-pem-file')
      .send(roots.map(({ der }) => encodePem('CERTIFICATE', der)).join(''));
  });
}
