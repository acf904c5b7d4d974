/** /api/v1/certificates: find them, and revoke one. */
import { z } from 'zod';
import type { CertificateView } from '../../core/api/certificates.ts';
import type { Page } from '../../core/api/page.ts';
import { parseDeviceId, parseFingerprint, parseSerialNumber } from '../../core/ids.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { certificateOrRefuse, revokeCertificates } from '../use-cases/revoking/revoke-certificates.ts';
import { certificate } from './answers/devices.ts';
import { pageOf } from './answers/fields.ts';
import { reason } from './reason.ts';
import { certificateView } from './views.ts';

const params = z.object({ serialNumber: z.string().transform(parseSerialNumber) });
const query = z.object({
  device: z.string().transform(parseDeviceId).optional(),
  issuer: z.string().transform(parseFingerprint).optional(),
  status: z.enum(['active', 'superseded', 'suspended', 'revoked']).optional(),
  after: z.string().transform(parseSerialNumber).optional(),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(100)
    .describe('how many are looked at: with a filter a page may hold fewer, or none, and not be the last'),
});

export function certificateRoutes(server: HttpServer, context: EnrollContext): void {
  const { registry } = context;

  server.get(
    '/certificates',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Certificates in the order of their serial numbers',
        querystring: query,
        response: { 200: pageOf(certificate) },
      },
    },
    async ({ query: { device, issuer, status, after, limit } }): Promise<Page<CertificateView>> => {
      const looked = await registry.certificates({ limit, ...(after && { after }) });
      const items = looked.filter(
        (one) =>
          (device === undefined || one.device === device) &&
          (issuer === undefined || one.issuer === issuer) &&
          (status === undefined || one.status === status),
      );
      const next = looked.length < limit ? null : (looked.at(-1)?.serialNumber ?? null);
      return { items: items.map(certificateView), next };
    },
  );

  server.get(
    '/certificates/:serialNumber',
    {
      config: { role: 'viewer' },
      schema: { summary: 'One certificate by its serial number', params, response: { 200: certificate } },
    },
    async ({ params: { serialNumber } }): Promise<CertificateView> =>
      certificateView(await certificateOrRefuse(registry, serialNumber)),
  );

  server.post(
    '/certificates/:serialNumber/revoke',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Revoke one certificate, and not its device',
        params,
        body: z.strictObject({ reason }),
        response: { 200: certificate },
      },
    },
    async ({ actor, params: { serialNumber }, body: { reason } }): Promise<CertificateView> => {
      const target = { kind: 'list', serialNumbers: [serialNumber] } as const;
      await revokeCertificates(context, actor, target, reason, { atMost: 1, onWritten: () => {} });
      return certificateView(await certificateOrRefuse(registry, serialNumber));
    },
  );
}
