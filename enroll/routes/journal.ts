/** /api/v1/journal: the rows as they are, so that whoever reads them can verify the chain. */
import { z } from 'zod';
import type { JournalRow } from '../../core/journal/events.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { journal } from './answers/operation.ts';

const query = z.object({
  after: z.coerce.number().int().min(0).default(0).describe('the seq of the last row that is known'),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
});

export function journalRoutes(server: HttpServer, { registry }: EnrollContext): void {
  server.get(
    '/journal',
    {
      config: { role: 'viewer' },
      schema: { summary: 'Rows in order, from one on', querystring: query, response: { 200: journal } },
    },
    async ({ query: { after, limit } }): Promise<{ items: readonly JournalRow[]; next: number | null }> => {
      const items = await registry.journal(after, limit);
      return { items, next: items.length === limit ? (items.at(-1)?.seq ?? null) : null };
    },
  );
}
