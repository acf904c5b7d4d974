/** /api/v1/certificates. */
import { z } from 'zod';
import type { CertificateView } from '../../core/api.ts';
import { GatehouseError } from '../../core/errors.ts';
import { parseSerialNumber } from '../../core/ids.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { certificateView } from './views.ts';

const params = z.object({ serialNumber: z.string().transform(parseSerialNumber) });

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
}
