/** /api/v1/housekeeping: what has left the registry, and what would; /api/v1/journal/archives: where its first rows are. */
import { z } from 'zod';
import type {
  HousekeepingRunView,
  HousekeepingView,
  JournalArchiveView,
} from '../../core/api/housekeeping.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { JournalArchiveRecord } from '../../registry/records.ts';
import type { Housekeeping, HousekeepingRun, HousekeepingStatus } from '../housekeeping/housekeeping.ts';
import type { HttpServer } from '../http/http-server.ts';
import * as answers from './answers/operation.ts';

const query = z.object({
  after: z.coerce.number().int().min(0).default(0).describe('only archives that end after this row'),
  limit: z.coerce.number().int().min(1).max(1_000).default(1_000),
});

export interface HousekeepingRoutes {
  readonly housekeeping: Housekeeping;
  readonly registry: RegistryReader;
}

export function housekeepingRoutes(server: HttpServer, { housekeeping, registry }: HousekeepingRoutes): void {
  server.get(
    '/housekeeping',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'What has left the registry, and what would',
        response: { 200: answers.housekeeping },
      },
    },
    async (): Promise<HousekeepingView> => statusView(await housekeeping.status()),
  );

  server.post(
    '/housekeeping/run',
    {
      config: { role: 'operator' },
      schema: { summary: 'Begin now what is done every hour', response: { 202: answers.housekeeping } },
    },
    async (_request, reply) => {
      void housekeeping.run();
      return reply.status(202).send(statusView(await housekeeping.status()));
    },
  );

  server.get(
    '/journal/archives',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'The files that hold the first rows of the journal',
        querystring: query,
        response: { 200: answers.archives },
      },
    },
    async ({
      query: { after, limit },
    }): Promise<{ items: readonly JournalArchiveView[]; next: number | null }> => {
      const items = (await registry.journalArchives(after, limit)).map(archiveView);
      return { items, next: items.length === limit ? (items.at(-1)?.lastSeq ?? null) : null };
    },
  );
}

function statusView(status: HousekeepingStatus): HousekeepingView {
  const { retention, before, running, lastRun, due, space, lastArchive } = status;
  return {
    retention: retention === null ? null : retention / 1_000,
    before: before === null ? null : iso(before),
    running,
    lastRun: lastRun && runView(lastRun),
    due,
    registry: space,
    lastArchive: lastArchive && archiveView(lastArchive),
  };
}

function runView({ startedAt, endedAt, pruned, journal, failure }: HousekeepingRun): HousekeepingRunView {
  const { archives, rows: journalRows } = journal;
  return { startedAt: iso(startedAt), endedAt: iso(endedAt), ...pruned, journalRows, archives, failure };
}

function archiveView({ archivedAt, ...archive }: JournalArchiveRecord): JournalArchiveView {
  return { ...archive, archivedAt: iso(archivedAt) };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
