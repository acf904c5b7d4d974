/** /api/v1/devices: find them, and say what they may. */

import { z } from 'zod';
import type { DeviceDetail, DeviceView } from '../../core/api/devices.ts';
import type { Page } from '../../core/api/page.ts';
import { parseDeviceEntry } from '../../core/enrollment/device-entry.ts';
import { type DeviceId, parseDeviceId, parseEntityName } from '../../core/ids.ts';
import type { Actor } from '../../core/journal/events.ts';
import { ATTRIBUTE_NAME } from '../../core/policy/pattern.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { editDevice } from '../use-cases/operating/edit-device.ts';
import { createDevice } from '../use-cases/operating/import-devices.ts';
import { changeOneDevice } from '../use-cases/revoking/change-devices.ts';
import type { DeviceAction } from '../use-cases/revoking/device-action.ts';
import { device, deviceDetail } from './answers/devices.ts';
import { pageOf } from './answers/fields.ts';
import { detailOf, presenceOf } from './device-detail.ts';
import { LIVE } from './live.ts';
import { reason } from './reason.ts';
import { deviceView } from './views.ts';

const params = z.object({ id: z.string().transform(parseDeviceId) });
const attributes = z.record(z.string().regex(ATTRIBUTE_NAME), z.string().max(128));
const query = z.object({
  group: z.string().transform(parseEntityName).optional(),
  status: z.enum(['active', 'suspended', 'revoked']).optional(),
  after: z.string().transform(parseDeviceId).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

export function deviceRoutes(server: HttpServer, context: EnrollContext): void {
  const { registry } = context;

  server.get(
    '/devices',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Devices in the order of their IDs',
        querystring: query,
        response: { 200: pageOf(device) },
      },
    },
    async ({ query: { limit, group, status, after } }): Promise<Page<DeviceView>> => {
      const devices = await registry.devices({
        limit: limit + 1,
        ...(group && { group }),
        ...(status && { status }),
        ...(after && { after }),
      });
      const items = await Promise.all(
        devices
          .slice(0, limit)
          .map(async (device) =>
            deviceView(device, await registry.enrolledAt(device.id), await presenceOf(context, device.id)),
          ),
      );
      return { items, next: devices.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
  );

  server.get(
    '/devices/:id',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'One device and its certificates, newest first',
        params,
        response: { 200: deviceDetail },
      },
    },
    ({ params: { id } }) => detailOf(context, id),
  );

  server.post(
    '/devices',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Make a device known before it enrolls',
        body: z.strictObject({
          id: z.string(),
          group: z.string().default('devices'),
          attributes: attributes.default({}),
        }),
        response: { 201: deviceDetail },
      },
    },
    async ({ actor, body }, reply) => {
      const entry = parseDeviceEntry(body);
      await createDevice(context, actor, entry);
      return reply.status(201).send(await detailOf(context, entry.id));
    },
  );

  server.patch(
    '/devices/:id',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Move a device to another group, or replace its attributes',
        description: LIVE,
        params,
        body: z.strictObject({
          group: z.string().transform(parseEntityName).optional(),
          attributes: attributes.optional(),
        }),
        response: { 200: deviceDetail },
      },
    },
    async ({ actor, params: { id }, body: { group, attributes } }) => {
      await editDevice(context, actor, id, { ...(group && { group }), ...(attributes && { attributes }) });
      return detailOf(context, id);
    },
  );

  const change = async (actor: Actor, id: DeviceId, change: DeviceAction): Promise<DeviceDetail> => {
    await changeOneDevice(context, actor, id, change);
    return detailOf(context, id);
  };

  server.post(
    '/devices/:id/revoke',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'End a device for good',
        params,
        body: z.strictObject({ reason }),
        response: { 200: deviceDetail },
      },
    },
    ({ actor, params: { id }, body: { reason } }) => change(actor, id, { kind: 'revoke', reason }),
  );

  for (const [kind, role, summary] of [
    ['suspend', 'operator', 'Bar a device until it is resumed'],
    ['resume', 'operator', 'Let a suspended device back'],
    // Who may revoke may not take it back: that a device is gone for good is what others rely on.
    ['reinstate', 'admin', 'Let a revoked device enroll anew; what it had stays revoked'],
    ['release', 'operator', 'Let a device enroll by its factory certificate once more'],
  ] as const) {
    server.post(
      `/devices/:id/${kind}`,
      { config: { role }, schema: { summary, params, response: { 200: deviceDetail } } },
      ({ actor, params: { id } }) => change(actor, id, { kind }),
    );
  }
}
