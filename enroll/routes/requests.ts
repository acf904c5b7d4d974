/** /api/v1/requests: enrollments that need an operator's word. */
import { z } from 'zod';
import type { Page } from '../../core/api/page.ts';
import type { RequestView } from '../../core/api/requests.ts';
import { requestStatuses } from '../../core/enrollment/approval.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { decideRequest, requestOrRefuse } from '../use-cases/enrolling/decide-request.ts';
import { request as answer } from './answers/enrollment.ts';
import { pageOf } from './answers/fields.ts';
import { requestView } from './views.ts';

const number = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const params = z.object({ id: number });
const query = z.object({
  status: z.enum(requestStatuses).optional(),
  after: number.default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
const denial = z.strictObject({ reason: z.string().max(200).default('').describe('told to the device') });

export function requestRoutes(server: HttpServer, context: EnrollContext): void {
  const { registry, clock } = context;

  server.get(
    '/requests',
    {
      config: { role: 'viewer' },
      schema: { summary: 'Requests, oldest first', querystring: query, response: { 200: pageOf(answer) } },
    },
    async ({ query: { limit, after, status } }): Promise<Page<RequestView>> => {
      const found = await registry.requests({
        now: clock.now(),
        after,
        limit: limit + 1,
        ...(status && { status }),
      });
      const items = found.slice(0, limit).map(requestView);
      return { items, next: found.length > limit ? String(items.at(-1)?.id) : null };
    },
  );
  server.get(
    '/requests/:id',
    { config: { role: 'viewer' }, schema: { summary: 'One request', params, response: { 200: answer } } },
    async ({ params: { id } }) => requestView(await requestOrRefuse(registry, id, clock.now())),
  );
  server.post(
    '/requests/:id/approve',
    {
      config: { role: 'operator' },
      schema: { summary: 'Let the device have its certificate', params, response: { 200: answer } },
    },
    async ({ actor, params: { id } }) =>
      requestView(await decideRequest(context, actor, id, { status: 'approved' })),
  );
  server.post(
    '/requests/:id/deny',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Refuse the device, and tell it why',
        params,
        body: denial,
        response: { 200: answer },
      },
    },
    async ({ actor, params: { id }, body: { reason } }) =>
      requestView(await decideRequest(context, actor, id, { status: 'denied', reason })),
  );
}
