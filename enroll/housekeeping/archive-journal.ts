/**
 * Moves the journal's oldest rows into archives. Step n here is step n of docs/ARCHITECTURE.md, "Housekeeping". A kill
 * between any two of them loses nothing and doubles nothing: rows leave the registry only once their file and its record
 * are on disk, and what a kill left over is put right by the next run.
 */
import type { Clock } from '../../core/clock.ts';
import { parseArchiveName } from '../../core/journal/archive.ts';
import { type ChainHead, emptyChain, verifyChain } from '../../core/journal/chain.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { ArchiveFolder } from './archive-folder.ts';
import type { Pause } from './pace.ts';

/** 30 MB of rows, and a third of that in the file. */
const ROWS = 50_000;
/** A quiet registry leaves a file a week, rather than one each time that a row comes of age. */
const FILE_INTERVAL_MS = 7 * 86_400_000;
/** Rows that are read and verified in one go, and that are dropped in one transaction: some milliseconds. */
const PAGE = 100;
const DAY = 86_400_000;

export interface JournalArchiving {
  readonly registry: Registry;
  readonly folder: ArchiveFolder;
  readonly clock: Clock;
  /** ms since the epoch: rows of that time and before go. */
  readonly before: number;
  /** Ends it between two steps. */
  readonly signal: AbortSignal;
  readonly pause: Pause;
  /** Of one file. */
  readonly maxRows?: number;
}

export interface Archived {
  readonly archives: number;
  /** That left the registry. */
  readonly rows: number;
}

/** @throws GatehouseError `journal_broken` where the rows do not verify: they stay as they were found */
export async function archiveJournal(terms: JournalArchiving): Promise<Archived> {
  // The newest row stays, for the next one to follow; and a run has an end, though it adds rows itself.
  const newest = await terms.registry.journalHead();
  // Step 1: what an interrupted run has recorded and not yet dropped.
  let rows = await dropArchivedRows(terms);
  let archives = 0;
  while (!terms.signal.aborted && (await archiveNext(terms, newest))) {
    archives += 1;
    // Step 5: the rows leave the registry, some at a time.
    rows += await dropArchivedRows(terms);
  }
  return { archives, rows };
}

/** @returns false where nothing is due */
async function archiveNext(terms: JournalArchiving, newest: number): Promise<boolean> {
  const { registry, folder, clock } = terms;
  const last = await registry.lastJournalArchive();
  const start = last === undefined ? emptyChain : { seq: last.lastSeq, hash: last.lastHash };
  if (!(await isWorthAFile(terms, start.seq, newest))) return false;

  // Step 2: what an interrupted run has written and not recorded.
  await removeLeftovers(terms, start.seq + 1);

  // Step 3: the file. The chain is verified on the way: rows that do not fit stay where they are, as evidence.
  let head: ChainHead = start;
  const end = Math.min(start.seq + (terms.maxRows ?? ROWS), newest - 1);
  const due = dueRows(terms, { after: start.seq, end }, (page) => {
    head = verifyChain(page, head);
  });
  const written = await folder.write(due, start.seq + 1, () => head);
  terms.signal.throwIfAborted();

  // Step 4: its record, in one durable transaction with the journal row that tells of it.
  const bounds = { firstSeq: start.seq + 1, lastSeq: head.seq, lastHash: head.hash };
  await registry.write('system', async (transaction) => {
    const { file, sha256, bytes } = written;
    const archive = { ...bounds, file, sha256, bytes, archivedAt: clock.now() };
    await transaction.housekeeping.insertJournalArchive(archive);
    await transaction.append({ action: 'journal.archived', subject: file, data: { ...bounds, sha256 } });
  });
  return true;
}

/**
 * How many rows would leave the registry now: none while they are not worth a file. Found by bisection, since times rise
 * with the rows, but for a clock that was put back.
 */
export async function countDueRows(
  terms: Pick<JournalArchiving, 'registry' | 'clock' | 'before' | 'maxRows'>,
): Promise<number> {
  const { registry } = terms;
  const [last, newest] = [await registry.lastJournalArchive(), await registry.journalHead()];
  const after = last?.lastSeq ?? 0;
  if (!(await isWorthAFile(terms, after, newest))) return 0;
  let [due, notDue] = [after + 1, newest];
  while (notDue - due > 1) {
    const middle = Math.floor((due + notDue) / 2);
    const [row] = await registry.journal(middle - 1, 1);
    if (row !== undefined && isDue(terms, row)) due = middle;
    else notDue = middle;
  }
  return due - after;
}

async function dropArchivedRows({ registry, signal, pause }: JournalArchiving): Promise<number> {
  let dropped = 0;
  while (!signal.aborted) {
    const since = performance.now();
    const rows = await registry.write('system', ({ housekeeping }) => housekeeping.dropArchivedRows(PAGE));
    dropped += rows;
    if (rows < PAGE) break;
    await pause(since, signal);
  }
  return dropped;
}

async function isWorthAFile(
  terms: Parameters<typeof countDueRows>[0],
  after: number,
  newest: number,
): Promise<boolean> {
  const { registry, before, maxRows = ROWS } = terms;
  const [first] = await registry.journal(after, 1);
  if (first === undefined || first.seq >= newest || !isDue(terms, first)) return false;
  if (first.time <= before - FILE_INTERVAL_MS) return true;
  const [lastOfFull] = await registry.journal(after + maxRows - 1, 1);
  return lastOfFull !== undefined && lastOfFull.seq < newest && isDue(terms, lastOfFull);
}

/** A row from the future was written while the clock was wrong, and is as old as those around it. */
function isDue({ before, clock }: Pick<JournalArchiving, 'before' | 'clock'>, { time }: JournalRow): boolean {
  return time <= before || time > clock.now() + DAY;
}

/** Rows up to `end`, or to the one before the first that is not due. */
async function* dueRows(
  terms: JournalArchiving,
  { after, end }: { readonly after: number; readonly end: number },
  onPage: (rows: readonly JournalRow[]) => void,
): AsyncGenerator<JournalRow> {
  const { registry, signal, pause } = terms;
  for (let seq = after; seq < end; ) {
    signal.throwIfAborted();
    const since = performance.now();
    const page = await registry.journal(seq, Math.min(PAGE, end - seq));
    const notDue = page.findIndex((row) => !isDue(terms, row));
    const due = notDue === -1 ? page : page.slice(0, notDue);
    onPage(due);
    yield* due;
    seq += due.length;
    if (due.length < PAGE) return;
    await pause(since, signal);
  }
}

/** A file is left over where the registry has all its rows still: it says which, and with which hash they end. */
async function removeLeftovers({ registry, folder }: JournalArchiving, firstSeq: number): Promise<void> {
  for (const name of await folder.names()) {
    const parsed = parseArchiveName(name);
    if (parsed?.firstSeq !== firstSeq) continue;
    const [row] = await registry.journal(parsed.lastSeq - 1, 1);
    if (row?.seq === parsed.lastSeq && row.hash.startsWith(parsed.hashPrefix)) await folder.remove(name);
  }
}
