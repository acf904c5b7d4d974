/** /api/v1/tokens: enrollment tokens. */
import { z } from 'zod';
import type { TokenCreated, TokenView } from '../../core/api/tokens.ts';
import { parseEntityName } from '../../core/ids.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { createEnrollmentToken, revokeEnrollmentToken } from '../use-cases/operating/manage-tokens.ts';
import * as answers from './answers/enrollment.ts';
import { listOf } from './answers/fields.ts';
import { tokenView } from './views.ts';

const YEAR_SECONDS = 31_536_000;
const tokenId = z.string().regex(/^[0-9a-f]{12}$/, 'the 12 hex digits that `token list` shows');
const body = z.strictObject({
  group: z.string().default('devices').transform(parseEntityName),
  device: z
    .string()
    .nullable()
    .default(null)
    .describe('an exact ID, or a pattern with *; any ID where absent'),
  maxUses: z.number().int().min(1).max(1_000_000).default(1),
  expiresIn: z.number().int().min(1).max(YEAR_SECONDS).default(86_400).describe('seconds'),
});

export function tokenRoutes(server: HttpServer, context: EnrollContext): void {
  const { registry, clock } = context;

  server.get(
    '/tokens',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Enrollment tokens, newest first, without their secrets',
        response: { 200: listOf(answers.token) },
      },
    },
    async (): Promise<{ items: TokenView[] }> => {
      const now = clock.now();
      return { items: (await registry.tokens()).map((token) => tokenView(token, now)) };
    },
  );

  server.post(
    '/tokens',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Create a token; it is shown only in this answer',
        body,
        response: { 201: answers.tokenCreated },
      },
    },
    async ({ actor, body: { expiresIn, ...terms } }, reply) => {
      const { token, record } = await createEnrollmentToken(context, actor, {
        ...terms,
        lifetime: expiresIn * 1_000,
      });
      const created: TokenCreated = { ...tokenView(record, clock.now()), token };
      return reply.status(201).send(created);
    },
  );

  server.delete(
    '/tokens/:id',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Revoke a token',
        params: z.object({ id: tokenId }),
        response: { 200: answers.token },
      },
    },
    async ({ actor, params: { id } }): Promise<TokenView> =>
      tokenView(await revokeEnrollmentToken(context, actor, id), clock.now()),
  );
}
