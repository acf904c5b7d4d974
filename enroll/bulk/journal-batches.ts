/**
 * Puts what happened to many into journal rows of many each. A row each would make brokers read on for seconds
 * before they come to the revocation behind it; one row for all would make everybody who reads it stall.
 */

const MAX_ITEMS = 100;
/** JSON text; a single item may be larger. */
const MAX_LENGTH = 16 * 1024;

interface Batch<Item> {
  readonly items: Item[];
  length: number;
}

export class JournalBatches<Subject extends string, Item> {
  readonly #append: (subject: Subject, items: readonly Item[]) => Promise<void>;
  readonly #open = new Map<Subject, Batch<Item>>();

  /** @param append adds one row to the journal */
  constructor(append: (subject: Subject, items: readonly Item[]) => Promise<void>) {
    this.#append = append;
  }

  async add(subject: Subject, item: Item): Promise<void> {
    const length = JSON.stringify(item).length;
    let batch = this.#open.get(subject);
    if (batch !== undefined && (batch.items.length === MAX_ITEMS || batch.length + length > MAX_LENGTH)) {
      await this.#append(subject, batch.items);
      batch = undefined;
    }
    batch ??= { items: [], length: 0 };
    batch.items.push(item);
    batch.length += length;
    this.#open.set(subject, batch);
  }

  /** Appends what is left. */
  async end(): Promise<void> {
    for (const [subject, { items }] of this.#open) await this.#append(subject, items);
    this.#open.clear();
  }
}
