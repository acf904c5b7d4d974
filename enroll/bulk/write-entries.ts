/** Writes checked entries within one transaction, and lets the rest of the process go on meanwhile. */
import type { RegistryTransaction } from '../../registry/port/transaction.ts';
import { LineErrors } from './line-errors.ts';
import type { Numbered } from './read-entries.ts';

/** Some 5 ms: what happens between two pauses holds everybody up. */
const BETWEEN_PAUSES = 250;

/** Told how many entries are written; none of them is to be seen before the transaction ends. */
export type OnWritten = (count: number) => void;

/**
 * @param write writes one entry, or refuses it with a GatehouseError: what was checked before may have changed
 * @throws LinesRefused at the first that is refused
 */
export async function writeEntries<Entry>(
  transaction: RegistryTransaction,
  entries: readonly Numbered<Entry>[],
  onWritten: OnWritten,
  write: (entry: Entry) => Promise<void>,
): Promise<void> {
  const errors = new LineErrors();
  for (const [index, { line, entry }] of entries.entries()) {
    await errors.collect(line, () => write(entry));
    errors.refuse();
    if (index % BETWEEN_PAUSES === 0) {
      onWritten(index);
      await transaction.pause();
    }
  }
}
