/**
 * What changes that concern many have in common: how much they may change is said beforehand, and the process goes on
 * with everything that does not write while they are under way.
 */
import { GatehouseError } from '../../../core/errors.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';

/** What is looked at, or written, without a pause: some 10 ms for which everybody else is held up. */
export const PAGE = 100;

export interface BulkTerms<Item = unknown> {
  /** As many may change; what would change more is refused whole. */
  readonly atMost: number;
  /** Told how many are written; none of them is to be seen before the transaction ends. */
  readonly onWritten: (count: number) => void;
  /** Told which ones are about to be. */
  readonly onPage?: (page: readonly Item[]) => void;
}

/** Counts what is written of a bulk change. */
export class BulkProgress<Item> {
  readonly #transaction: RegistryTransaction;
  readonly #terms: BulkTerms<Item>;
  #count = 0;

  constructor(transaction: RegistryTransaction, terms: BulkTerms<Item>) {
    this.#transaction = transaction;
    this.#terms = terms;
  }

  /** Before each page is written. @throws GatehouseError `bulk_unconfirmed` where there are more than was said */
  async next(page: readonly Item[]): Promise<void> {
    this.#terms.onWritten(this.#count);
    await this.#transaction.pause();
    this.#count += page.length;
    refuseUnconfirmed(this.#count, this.#terms);
    if (page.length > 0) this.#terms.onPage?.(page);
  }
}

/** @throws GatehouseError `bulk_unconfirmed` */
export function refuseUnconfirmed(count: number, { atMost }: Pick<BulkTerms, 'atMost'>): void {
  if (count <= atMost) return;
  const said = atMost === 0 ? 'and it was not said how many may be' : `and at most ${atMost} may be`;
  throw new GatehouseError('bulk_unconfirmed', `${count} would be changed, ${said}`);
}
