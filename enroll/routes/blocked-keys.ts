/** /api/v1/blocked-keys: public keys that no device may enroll. */
import { z } from 'zod';
import type { BlockedKeyView } from '../../core/api/blocked-keys.ts';
import type { Page } from '../../core/api/page.ts';
import { parseFingerprint } from '../../core/ids.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { blockKey, unblockKey } from '../use-cases/operating/block-keys.ts';
import { blockedKey } from './answers/enrollment.ts';
import { nothing, pageOf } from './answers/fields.ts';
import { blockedKeyView } from './views.ts';

const fingerprint = z.string().transform(parseFingerprint).describe('SHA-256 over the SubjectPublicKeyInfo');
const body = z.strictObject({ fingerprint, note: z.string().max(200).default('') });
const querystring = z.object({
  after: fingerprint.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

export function blockedKeyRoutes(server: HttpServer, context: EnrollContext): void {
  server.get(
    '/blocked-keys',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Blocked keys in the order of their fingerprints',
        querystring,
        response: { 200: pageOf(blockedKey) },
      },
    },
    async ({ query: { limit, after } }): Promise<Page<BlockedKeyView>> => {
      const keys = await context.registry.blockedKeys({ limit: limit + 1, ...(after && { after }) });
      const items = keys.slice(0, limit).map(blockedKeyView);
      return { items, next: keys.length > limit ? (items.at(-1)?.fingerprint ?? null) : null };
    },
  );

  server.post(
    '/blocked-keys',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Never let this public key enroll; 200 where it is blocked already, and stays as it is',
        body,
        response: { 200: blockedKey, 201: blockedKey },
      },
    },
    async ({ actor, body }, reply) => {
      const { record, wasBlocked } = await blockKey(context, actor, body);
      return reply.status(wasBlocked ? 200 : 201).send(blockedKeyView(record));
    },
  );

  server.delete(
    '/blocked-keys/:fingerprint',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Take a public key off the block-list',
        params: z.object({ fingerprint }),
        response: { 204: nothing },
      },
    },
    async ({ actor, params }, reply) => {
      await unblockKey(context, actor, params.fingerprint);
      return reply.status(204).send();
    },
  );
}
