/** /api/v1/manufacturers: whose factory certificates enroll devices. */
import { z } from 'zod';
import type { ManufacturerView } from '../../core/api/manufacturers.ts';
import { admissions, ID_PREFIX, idSources } from '../../core/enrollment/factory-rule.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type EntityName, parseEntityName, quote } from '../../core/ids.ts';
import type { ManufacturerRecord } from '../../registry/records.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { putManufacturer, removeManufacturer } from '../use-cases/operating/manage-manufacturers.ts';
import { manufacturer } from './answers/enrollment.ts';
import { listOf, nothing } from './answers/fields.ts';
import { manufacturerView } from './views.ts';

const name = z.string().transform(parseEntityName);
const params = z.object({ name });
const body = z
  .strictObject({
    group: name
      .nullable()
      .default(null)
      .describe('what devices join; imported ones must be in it, or in any where it is null'),
    idFrom: z.enum(idSources).default('cn').describe('which field of the certificate is the device ID'),
    idPrefix: z.string().regex(ID_PREFIX, 'the beginning of a device ID, up to 32 characters').default(''),
    admit: z.enum(admissions).default('listed').describe('imported devices alone, or any'),
    certificates: z.string().max(24_576).describe('CA certificates in PEM, each with those above it'),
  })
  .refine(({ admit, group }) => admit === 'listed' || group !== null, {
    error: 'group: where any device is admitted, say which group it joins',
  });

export function manufacturerRoutes(server: HttpServer, context: EnrollContext): void {
  const { registry } = context;
  const find = async (wanted: EntityName): Promise<ManufacturerRecord> => {
    const record = await registry.manufacturer(wanted);
    if (record === undefined) {
      throw new GatehouseError('manufacturer_unknown', `there is no manufacturer ${quote(wanted)}`);
    }
    return record;
  };

  server.get(
    '/manufacturers',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Manufacturers, their CAs and their rules',
        response: { 200: listOf(manufacturer) },
      },
    },
    async (): Promise<{ items: ManufacturerView[] }> => ({
      items: (await registry.manufacturers()).map(manufacturerView),
    }),
  );
  server.get(
    '/manufacturers/:name',
    {
      config: { role: 'viewer' },
      schema: { summary: 'One manufacturer', params, response: { 200: manufacturer } },
    },
    async (request) => manufacturerView(await find(request.params.name)),
  );
  server.put(
    '/manufacturers/:name',
    {
      config: { role: 'admin' },
      schema: {
        summary: 'Register a manufacturer, or replace its CAs and its rule',
        params,
        body,
        response: { 200: manufacturer },
      },
    },
    async ({ actor, params, body }) =>
      manufacturerView(await putManufacturer(context, actor, params.name, body)),
  );
  server.delete(
    '/manufacturers/:name',
    {
      config: { role: 'admin' },
      schema: { summary: 'Remove a manufacturer', params, response: { 204: nothing } },
    },
    async ({ actor, params }, reply) => {
      await removeManufacturer(context, actor, params.name);
      return reply.status(204).send();
    },
  );
}
