/** /api/v1/certificates and /api/v1/blocked-keys. */
import { z } from 'zod';
import type { CertificateView } from '../../core/api.ts';
import { GatehouseError } from '../../core/errors.ts';
import { parseFingerprint, parseSerialNumber } from '../../core/ids.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../listeners/http-server.ts';
import { blockKey } from '../use-cases/manage-operators.ts';
import { certificateView } from './views.ts';

const params = z.object({ serialNumber: z.string().transform(parseSerialNumber) });
const blockedKey = z.strictObject({
  fingerprint: z.string().transform(parseFingerprint).describe('SHA-256 over the SubjectPublicKeyInfo'),
  note: z.string().max(200).default(''),
});

export function certificateRoutes(server: HttpServer, context: EnrollContext): void {
  const { registry } = context;

  server.get(
    '/certificates/:serialNumber',
    { config: { role: 'viewer' }, schema: { summary: 'One certificate by its serial number', params } },
    async ({ params: { serialNumber } }): Promise<CertificateView> => {
      const certificate = await registry.certificateBySerial(serialNumber);
      if (certificate === undefined) {
        throw new GatehouseError('serial_number_unknown', `the registry has no certificate ${serialNumber}`);
      }
      return certificateView(certificate);
    },
  );

  server.post(
    '/blocked-keys',
    {
      config: { role: 'operator' },
      schema: { summary: 'Never let this public key enroll', body: blockedKey },
    },
    async ({ actor, body: { fingerprint, note } }, reply) => {
      await blockKey(context, actor, fingerprint, note);
      return reply.status(201).send({ fingerprint, note });
    },
  );
}
