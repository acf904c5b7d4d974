/** POST /v1/enroll and GET /v1/ca: what a device needs before it has a certificate. */
import { decodeCsr, parseCsr } from '../../core/pki/csr.ts';
import type { EnrollContext } from '../context.ts';
import { bearerToken, type HttpServer } from '../http/http-server.ts';
import type { PeerChains } from '../http/peer-chains.ts';
import type { TokenLimit } from '../http/token-limit.ts';
import type { EnrollMetrics } from '../metrics.ts';
import { trustedRoots } from '../signer/lineage.ts';
import { enrollDevice } from '../use-cases/enrolling/enroll-device.ts';
import { awaitingResponse, certificateAnswer, csrBody } from './certificate-answer.ts';

export interface EnrollmentRoutes {
  readonly context: EnrollContext;
  readonly metrics: EnrollMetrics;
  readonly mqttUrl: string;
  readonly limitToken: TokenLimit;
  readonly peers: PeerChains;
}

export function enrollmentRoutes(
  server: HttpServer,
  { context, metrics, mqttUrl, limitToken, peers }: EnrollmentRoutes,
): void {
  const answer = certificateAnswer(context, mqttUrl);

  server.post('/v1/enroll', { schema: { body: csrBody } }, async (request, reply) => {
    await limitToken(request, reply);
    const outcome = await enrollDevice(context, {
      token: bearerToken(request.headers.authorization),
      peer: peers.factoryPeer(request),
      address: request.ip,
      request: () => parseCsr(decodeCsr(request.body.csr)),
    });
    if (outcome.kind === 'awaiting') {
      metrics.awaiting();
      reply.status(202).header('Retry-After', outcome.retryAfter);
      return awaitingResponse(outcome);
    }
    metrics.enrolled(outcome.enrollment.created);
    return answer(request, reply, outcome.enrollment);
  });

  server.get('/v1/ca', async (_request, reply) => {
    return reply.type('application/x-pem-file').send(await trustedRoots(context.registry));
  });
}
