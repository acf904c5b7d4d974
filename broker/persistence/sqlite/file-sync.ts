/** Waits until what was written to a file is on the disk, in a thread of libuv's: the event loop goes on meanwhile. */
import { close, fdatasync, openSync } from 'node:fs';
import { promisify } from 'node:util';

const sync = promisify(fdatasync);
const closeFile = promisify(close);

export class FileSync {
  readonly #descriptor: number;

  /** @param file that is there */
  constructor(file: string) {
    this.#descriptor = openSync(file, 'r+');
  }

  /** Resolves when all that was written before the call would survive a power cut. */
  sync(): Promise<void> {
    return sync(this.#descriptor);
  }

  /** Not while SQLite has the same file open: POSIX takes the locks of a process away with any descriptor that it closes. */
  close(): Promise<void> {
    return closeFile(this.#descriptor);
  }
}
