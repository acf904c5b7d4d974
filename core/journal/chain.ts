/**
 * The hash chain that makes the journal tamper-evident: every row's hash covers its own fields and the hash
 * of the row before, so that an edit, a removal or a reordering breaks the chain from that row on. Cutting
 * rows off the end leaves a valid, shorter chain: only a head noted elsewhere shows it.
 */
import { createHash } from 'node:crypto';
import { GatehouseError } from '../errors.ts';
import { canonicalJson } from './canonical-json.ts';
import type { JournalRow } from './events.ts';

/** Where a chain stands: its last row. Every JournalRow is one. */
export type ChainHead = Pick<JournalRow, 'seq' | 'hash'>;

/** The head of a journal without rows. */
export const emptyChain: ChainHead = { seq: 0, hash: '0'.repeat(64) };

/** The row that follows `previous`, numbered and hashed; `previous` is undefined for the first row. */
export function nextRow(
  previous: ChainHead | undefined,
  { time, actor, event }: Pick<JournalRow, 'time' | 'actor' | 'event'>,
): JournalRow {
  const { seq, hash: previousHash } = previous ?? emptyChain;
  const row = { seq: seq + 1, time, actor, event, previousHash };
  return { ...row, hash: hashOf(row) };
}

/**
 * Checks that `rows` follow `start` without a gap or a change. To verify page by page, pass the head that one
 * page returned as the start of the next.
 *
 * @param expected a head noted earlier, to find truncation: `rows` must reach its seq, with its hash. With
 *   pages, give it with the page that holds its seq and with the last one.
 * @returns the head after the last of `rows`
 * @throws GatehouseError `journal_broken`, naming the first row that is missing or does not fit
 */
export function verifyChain(
  rows: Iterable<JournalRow>,
  start: ChainHead = emptyChain,
  expected?: ChainHead,
): ChainHead {
  let head = start;
  checkExpectation(head, expected);
  for (const row of rows) {
    checkLink(head, row);
    head = { seq: row.seq, hash: row.hash };
    checkExpectation(head, expected);
  }
  if (expected !== undefined && head.seq < expected.seq) {
    throw broken(head.seq + 1, `is missing: the journal once reached row ${expected.seq}`);
  }
  return head;
}

function checkLink(head: ChainHead, row: JournalRow): void {
  const seq = head.seq + 1;
  if (row.seq !== seq) throw broken(seq, `is missing: row ${row.seq} follows row ${head.seq}`);
  if (row.previousHash !== head.hash) throw broken(seq, 'does not follow from the row before it');
  if (row.hash !== hashOf(row)) throw broken(seq, 'was changed: its hash does not fit its content');
}

function checkExpectation(head: ChainHead, expected: ChainHead | undefined): void {
  if (head.seq === expected?.seq && head.hash !== expected.hash) {
    throw broken(head.seq, 'is not the row that was noted earlier: the journal was rewritten');
  }
}

function hashOf({ seq, time, actor, event, previousHash }: Omit<JournalRow, 'hash'>): string {
  return createHash('sha256').update(canonicalJson({ seq, time, actor, event, previousHash })).digest('hex');
}

function broken(seq: number, what: string): GatehouseError {
  return new GatehouseError('journal_broken', `journal row ${seq} ${what}`);
}
