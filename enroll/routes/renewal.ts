/** POST /v1/renew: by the certificate that is to be renewed, over mutual TLS, and nothing else. */
import { decodeCsr, parseCsr } from '../../core/pki/csr.ts';
import type { EnrollContext } from '../context.ts';
import { type HttpServer, peerCertificateOf } from '../http/http-server.ts';
import type { EnrollMetrics } from '../metrics.ts';
import { renewDevice } from '../use-cases/renewing/renew-device.ts';
import { certificateAnswer, csrBody } from './certificate-answer.ts';

export interface RenewalRoutes {
  readonly context: EnrollContext;
  readonly metrics: EnrollMetrics;
  readonly mqttUrl: string;
}

export function renewalRoutes(server: HttpServer, { context, metrics, mqttUrl }: RenewalRoutes): void {
  const answer = certificateAnswer(context, mqttUrl);

  server.post('/v1/renew', { schema: { body: csrBody } }, async (request, reply) => {
    const enrollment = await renewDevice(context, {
      peer: peerCertificateOf(request),
      request: () => parseCsr(decodeCsr(request.body.csr)),
    });
    metrics.renewed(enrollment.created);
    return answer(request, reply, enrollment);
  });
}
