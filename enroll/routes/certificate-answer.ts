/** What POST /v1/enroll and POST /v1/renew take and answer: a CSR, and the certificate for it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AwaitingResponse, EnrollResponse } from '../../core/api/enrollment.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { renewAfter } from '../../core/pki/renewal.ts';
import type { EnrollContext } from '../context.ts';
import { chainOf } from '../signer/lineage.ts';
import type { Enrollment, EnrollmentOutcome } from '../use-cases/enrolling/enroll-device.ts';
import { profileOfDevice } from '../use-cases/issuing/key-rules.ts';

/** RFC 8555 §9.1: the certificate, then those that certify it. */
const PEM_CHAIN = 'application/pem-certificate-chain';

export const csrBody = z.strictObject({ csr: z.string().max(24_576).describe('PKCS #10 in PEM') });

/** JSON, or the PEM chain where that is asked for: 201 with a new certificate, 200 with one that is given again. */
export function certificateAnswer({ registry }: Pick<EnrollContext, 'registry'>, mqttUrl: string) {
  return async (request: FastifyRequest, reply: FastifyReply, enrollment: Enrollment): Promise<unknown> => {
    const response = await responseOf(enrollment);
    reply.status(enrollment.created ? 201 : 200);
    if (request.headers.accept !== PEM_CHAIN) return response;
    return reply.type(PEM_CHAIN).send(response.certificate + response.chain);
  };

  async function responseOf({ deviceId, certificate }: Enrollment): Promise<EnrollResponse> {
    const { serialNumber, notBefore, notAfter, der } = certificate;
    const profile = await profileOfDevice(registry, deviceId);
    return {
      deviceId,
      serialNumber,
      certificate: encodePem('CERTIFICATE', der),
      chain: await chainOf(registry, certificate.issuer),
      notBefore: iso(notBefore),
      notAfter: iso(notAfter),
      renewAfter: iso(renewAfter(certificate, profile.renewAfter)),
      mqttUrl,
    };
  }
}

/** What goes with 202. */
export function awaitingResponse({
  request,
  retryAfter,
}: EnrollmentOutcome & { kind: 'awaiting' }): AwaitingResponse {
  return { status: 'pending', request: request.id, deviceId: request.device, retryAfter };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
