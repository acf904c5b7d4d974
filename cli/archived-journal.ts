/**
 * Verifies a journal whose first rows are in archives: from its first row on where their files are at hand, else from
 * where the last archive ends, for which the server's word is taken.
 */
import type { JournalArchiveView } from '../core/api/housekeeping.ts';
import { GatehouseError } from '../core/errors.ts';
import { type ChainHead, emptyChain } from '../core/journal/chain.ts';
import { archivedRows } from './archive-file.ts';
import { verifyJournal } from './journal-verification.ts';

export interface JournalSource {
  /** All, in order. */
  archives(): Promise<readonly JournalArchiveView[]>;
  /** The rows that the registry has after this one, in order. */
  rows(after: number): AsyncIterable<readonly unknown[]>;
}

export interface Verification {
  readonly head: ChainHead;
  /** The first row that was verified. */
  readonly from: number;
  /** That were read. */
  readonly archives: number;
  /** That were not read, as no folder was given. */
  readonly unread: number;
}

export interface VerificationTerms {
  /** Where the archives are; undefined where they are not to be read. */
  readonly folder: string | undefined;
  /** See `verifyJournal`. */
  readonly expected: ChainHead | undefined;
}

/** @throws GatehouseError `journal_broken`, `archive_missing`, `archive_damaged`, `archive_needed` */
export async function verifyArchivedJournal(
  source: JournalSource,
  terms: VerificationTerms,
): Promise<Verification> {
  for (;;) {
    const archives = await source.archives();
    try {
      return await verify(source, archives, terms);
    } catch (error) {
      // Rows that were archived meanwhile are missing where they were to be read.
      if ((await source.archives()).length === archives.length) throw error;
    }
  }
}

async function verify(
  source: JournalSource,
  archives: readonly JournalArchiveView[],
  { folder, expected }: VerificationTerms,
): Promise<Verification> {
  const last = archives.at(-1);
  const end: ChainHead = last === undefined ? emptyChain : { seq: last.lastSeq, hash: last.lastHash };
  const start = folder === undefined ? end : emptyChain;
  if (expected !== undefined && expected.seq < start.seq) {
    const detail = `row ${expected.seq} is in an archive: the registry begins with row ${start.seq + 1}`;
    throw new GatehouseError('archive_needed', detail);
  }
  const told = new Set<string>();
  const pages = allPages(source, folder === undefined ? [] : archives, folder ?? '', end.seq);
  const head = await verifyJournal(noting(pages, told), expected, start);
  // The newest row is in no archive, so the one that tells of the last archive is among those that were verified.
  if (last !== undefined && !told.has(last.sha256)) {
    throw new GatehouseError('journal_broken', `no row of the journal tells of the archive ${last.file}`);
  }
  const read = folder === undefined ? 0 : archives.length;
  return { head, from: start.seq + 1, archives: read, unread: archives.length - read };
}

async function* allPages(
  source: JournalSource,
  archives: readonly JournalArchiveView[],
  folder: string,
  after: number,
): AsyncGenerator<readonly unknown[]> {
  for (const archive of archives) yield* archivedRows(folder, archive);
  yield* source.rows(after);
}

/** Passes pages on, and notes the SHA-256 of each archive that a row tells of. */
async function* noting(
  pages: AsyncIterable<readonly unknown[]>,
  told: Set<string>,
): AsyncGenerator<readonly unknown[]> {
  for await (const page of pages) {
    yield page;
    for (const row of page) {
      const { event } = row as { event: { action: string; data: { sha256?: unknown } } };
      if (event.action === 'journal.archived') told.add(String(event.data.sha256));
    }
  }
}
