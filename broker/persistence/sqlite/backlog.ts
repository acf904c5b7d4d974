/**
 * What publishers have asked for and the disk does not have yet, in rows: those are in memory, however few messages they are
 * of. A publisher that has too much there is to wait.
 */

/** Rows of one publisher, and of all; one message of each may have more. */
const MOST_ROWS = 120_000;
const MOST_ROWS_IN_ALL = 1_200_000;

interface Account {
  rows: number;
  room: Room | undefined;
}

interface Room {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

export class Backlog {
  /** Of publishers with any. */
  readonly #accounts = new Map<string, Account>();
  readonly #waiting = new Set<Account>();

  add(publisher: string, rows: number): void {
    if (rows === 0) return;
    const account = this.#accounts.get(publisher);
    if (account === undefined) this.#accounts.set(publisher, { rows, room: undefined });
    else account.rows += rows;
  }

  /** They are on the disk, or will never be. */
  remove(publisher: string, rows: number): void {
    const account = this.#accounts.get(publisher);
    if (account === undefined) return;
    account.rows -= rows;
    if (account.rows === 0) this.#accounts.delete(publisher);
  }

  /** Resolves, at `relieve`, when the publisher may ask for more; null where it may now. */
  roomOf(publisher: string): Promise<void> | null {
    const account = this.#accounts.get(publisher);
    if (account === undefined || account.rows <= this.#most) return null;
    account.room ??= newRoom();
    this.#waiting.add(account);
    return account.room.promise;
  }

  /** Lets those go on who need not wait any more. */
  relieve(): void {
    for (const account of this.#waiting) {
      if (account.rows > this.#most) continue;
      this.#waiting.delete(account);
      account.room?.resolve();
      account.room = undefined;
    }
  }

  /** The more publishers there are, the less each may have: who has little never waits for who has much. */
  get #most(): number {
    return Math.min(MOST_ROWS, MOST_ROWS_IN_ALL / this.#accounts.size);
  }
}

function newRoom(): Room {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
