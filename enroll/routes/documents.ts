/** /api/v1/groups, /api/v1/policies and /api/v1/profiles. */

import { z } from 'zod';
import type { GroupView } from '../../core/api/groups.ts';
import { durationSchema } from '../../core/duration-schema.ts';
import { approvals } from '../../core/enrollment/approval.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type EntityName, parseEntityName, quote } from '../../core/ids.ts';
import type { DocumentRecord } from '../../registry/records.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { applyGroup, applyPolicy, applyProfile } from '../use-cases/operating/apply-documents.ts';
import * as answers from './answers/documents.ts';
import { listOf } from './answers/fields.ts';
import { LIVE } from './live.ts';
import { documentView, groupView } from './views.ts';

const MAX_GRACE = 10 * 365 * 86_400_000;

const params = z.object({ name: z.string().transform(parseEntityName) });
export const entityName = z.string().transform(parseEntityName);
const grace = durationSchema.pipe(z.number().min(0).max(MAX_GRACE));
/** As PUT takes one. */
export const group = z.strictObject({
  description: z.string().max(200).default(''),
  profile: entityName,
  policy: entityName,
  renewalGrace: grace.default(0).describe('how long past its expiry a certificate may still be renewed'),
  approval: z.enum(approvals).default('none').describe('whether enrolling takes the word of an operator'),
});
export const document = z.record(z.string(), z.unknown());

export function documentRoutes(server: HttpServer, context: EnrollContext): void {
  const { registry } = context;

  server.get(
    '/groups',
    {
      config: { role: 'viewer' },
      schema: { summary: 'Groups with their profile and policy', response: { 200: listOf(answers.group) } },
    },
    async (): Promise<{ items: readonly GroupView[] }> => ({
      items: (await registry.groups()).map(groupView),
    }),
  );
  server.put(
    '/groups/:name',
    {
      config: { role: 'admin' },
      schema: {
        summary: 'Create or change a group',
        description: LIVE,
        params,
        body: group,
        response: { 200: answers.group },
      },
    },
    async ({ actor, params: { name }, body }): Promise<GroupView> => {
      const record = { name, ...body };
      await applyGroup(context, actor, record);
      return groupView(record);
    },
  );

  const kinds = [
    {
      noun: 'policy',
      path: '/policies',
      code: 'policy_unknown',
      one: registry.policy,
      all: registry.policies,
      apply: applyPolicy,
    },
    {
      noun: 'profile',
      path: '/profiles',
      code: 'profile_unknown',
      one: registry.profile,
      all: registry.profiles,
      apply: applyProfile,
    },
  ] as const;
  for (const { noun, path, code, one, all, apply } of kinds) {
    const find = async (name: EntityName): Promise<DocumentRecord> => {
      const record = await one.call(registry, name);
      if (record === undefined) throw new GatehouseError(code, `there is no ${noun} ${quote(name)}`);
      return record;
    };
    server.get(
      path,
      {
        config: { role: 'viewer' },
        schema: { summary: 'All of them, as written', response: { 200: listOf(answers.document) } },
      },
      async () => ({
        items: (await all.call(registry)).map(documentView),
      }),
    );
    server.get(
      `${path}/:name`,
      {
        config: { role: 'viewer' },
        schema: { summary: 'One, as written', params, response: { 200: answers.document } },
      },
      async (request) => documentView(await find(request.params.name)),
    );
    server.put(
      `${path}/:name`,
      {
        config: { role: 'admin' },
        schema: {
          summary: 'Put one in place, whole',
          ...(noun === 'policy' && { description: LIVE }),
          params,
          body: document,
          response: { 200: answers.document },
        },
      },
      async ({ actor, params: { name }, body }) => {
        if (body.name !== undefined && body.name !== name) {
          throw new GatehouseError(
            'request_invalid',
            `the document is named ${quote(String(body.name))}, the address ${quote(name)}`,
          );
        }
        return documentView(await find(await apply(context, actor, { ...body, name })));
      },
    );
  }
}
