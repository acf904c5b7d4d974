/** What housekeeping asks of the whole registry, for the process that writes. */
import type { Database } from 'better-sqlite3';
import type { Due, Horizon } from '../port/housekeeping.ts';
import type { RegistrySpace } from '../records.ts';
import { ENDED, RENEWABLE } from './housekeeping.ts';

export type HousekeepingReads = ReturnType<typeof prepareHousekeepingReads>;

export function prepareHousekeepingReads(database: Database) {
  const figure = (name: string) => database.prepare<[], number>(`PRAGMA ${name}`).pluck();
  const pageSize = figure('page_size');
  const pages = figure('page_count');
  const freePages = figure('freelist_count');
  const counted = (rows: string) =>
    database
      .prepare<[number, number], number>(`SELECT count(*) FROM (SELECT 1 FROM ${rows} LIMIT ?)`)
      .pluck();
  const ended = counted(`certificates WHERE ${ENDED} AND notAfter <= ?`);
  const renewable = counted(`certificates WHERE ${RENEWABLE} AND notAfter <= ?`);
  const tokens = counted('tokens WHERE expiresAt <= ?');
  const lapsed = counted('requests WHERE expiresAt <= ?');

  return {
    space(): RegistrySpace {
      const size = pageSize.get() ?? 0;
      return { bytes: (pages.get() ?? 0) * size, freeBytes: (freePages.get() ?? 0) * size };
    },
    due(horizon: Horizon & { readonly now: number }, limit: number): Due {
      const certificates =
        (ended.get(horizon.ended, limit) ?? 0) + (renewable.get(horizon.renewable, limit) ?? 0);
      return {
        certificates: Math.min(certificates, limit),
        tokens: tokens.get(horizon.ended, limit) ?? 0,
        requests: lapsed.get(horizon.now, limit) ?? 0,
      };
    },
  };
}
