/** What leaves the registry. */
import type { JournalArchiveRecord, Pruned } from '../records.ts';

/** ms since the epoch: what ended by then goes. */
export interface Horizon {
  readonly ended: number;
  /** Of certificates that could still be renewed within a grace. Not after `ended`. */
  readonly renewable: number;
}

/** How much there is beyond a horizon, counted up to a limit. */
export interface Due {
  readonly certificates: number;
  readonly tokens: number;
  /** That lapsed by `now`; not those that go with their certificates and tokens. */
  readonly requests: number;
}

/** What leaves the registry. Each takes away at most `limit` rows and their like, those that ended first before others. */
export interface HousekeepingTransaction {
  /**
   * Certificates, and the requests that they came of. Their keys stay known (`keyOwner`), and so does when their devices
   * enrolled (`enrolledAt`).
   */
  pruneCertificates(horizon: Horizon, limit: number): Promise<Pruned>;
  /** Tokens that expired by then, with their uses and the requests by them that were denied; none with an open request. */
  pruneTokens(before: number, limit: number): Promise<Pruned>;
  /** It follows the archive before it, and ends before the journal's last row. */
  insertJournalArchive(archive: JournalArchiveRecord): Promise<void>;
  /**
   * Takes rows out of the journal that an archive holds, and no others. Needs no journal row of its own: the archive has
   * its `journal.archived`. @returns how many
   */
  dropArchivedRows(limit: number): Promise<number>;
}
