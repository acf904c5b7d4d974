/**
 * Waits until what was committed is on the disk, without keeping the event loop waiting: SQLite with
 * `synchronous = NORMAL` writes a commit to the WAL and leaves it to the system when it gets to the disk; a sync of
 * that file, in a thread of libuv's, is what `FULL` would have done in ours. SQLite keeps one WAL file while it is
 * open, and syncs it by itself before it takes pages over into the database.
 */
import { close, fdatasync, openSync } from 'node:fs';
import { promisify } from 'node:util';

const sync = promisify(fdatasync);
const closeFile = promisify(close);

export class WalSync {
  readonly #descriptor: number;

  /** @param file the database, which has been written to: so its WAL is there */
  constructor(file: string) {
    this.#descriptor = openSync(`${file}-wal`, 'r+');
  }

  /** Resolves when all that was committed before the call would survive a power cut. */
  sync(): Promise<void> {
    return sync(this.#descriptor);
  }

  close(): Promise<void> {
    return closeFile(this.#descriptor);
  }
}
