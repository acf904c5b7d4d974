/**
 * Verifies the whole journal on the operator's side: the rows come from the server, its word on them is not
 * taken.
 */
import { z } from 'zod';
import { GatehouseError } from '../core/errors.ts';
import { type ChainHead, emptyChain, verifyChain } from '../core/journal/chain.ts';
import type { JournalRow } from '../core/journal/events.ts';

const rowForm = z.object({
  seq: z.int(),
  time: z.number(),
  actor: z.string(),
  event: z.object({ action: z.string(), subject: z.string(), data: z.record(z.string(), z.unknown()) }),
  previousHash: z.string(),
  hash: z.string(),
});

/**
 * @param pages the journal from its first row on, or from the one after `start`
 * @param expected a head noted earlier, which the journal must still hold: what finds rows cut off its end
 * @param start where the rows before them end
 * @returns the head: its seq is the number of rows since the first
 * @throws GatehouseError `journal_broken`, naming the first row that is missing or does not fit
 */
export async function verifyJournal(
  pages: AsyncIterable<readonly unknown[]>,
  expected?: ChainHead,
  start: ChainHead = emptyChain,
): Promise<ChainHead> {
  let head = verifyChain([], start, expected?.seq === start.seq ? expected : undefined);
  for await (const page of pages) {
    const rows = page.map(checkForm);
    // Only the page that holds the expected row can tell whether it is the one that was noted.
    const holdsExpected = rows.some(({ seq }) => seq === expected?.seq);
    head = verifyChain(rows, head, holdsExpected ? expected : undefined);
  }
  return verifyChain([], head, expected);
}

function checkForm(row: unknown, index: number): JournalRow {
  if (isRow(row)) return row;
  throw new GatehouseError(
    'journal_broken',
    `row ${index + 1} of a page does not have the form of a journal row`,
  );
}

function isRow(row: unknown): row is JournalRow {
  return rowForm.safeParse(row).success;
}
