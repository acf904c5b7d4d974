/**
 * Clears away the queues of discarded sessions: behind the messages, one session after the other and each in parts, so
 * that the revocation of a device with many long queues holds nobody up. What a crash leaves, the next start clears.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SessionBook } from './session-book.ts';
import type { SessionRecord } from './session-record.ts';
import type { GroupCommit } from './sqlite/group-commit.ts';
import type { QueueTable } from './sqlite/queue-table.ts';

export interface ClearanceOptions {
  readonly sessions: SessionBook;
  readonly queue: QueueTable;
  readonly commit: GroupCommit;
}

export class Clearance {
  readonly #options: ClearanceOptions;
  readonly #waiting: SessionRecord[] = [];
  #isRunning = false;

  constructor(options: ClearanceOptions) {
    this.#options = options;
  }

  /** @param session that is discarded */
  add(session: SessionRecord): void {
    this.#waiting.push(session);
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    const { sessions, queue, commit } = this.#options;
    this.#isRunning = true;
    for (let session = this.#waiting.pop(); session !== undefined; session = this.#waiting.pop()) {
      const discarded = session;
      const clearPart = () => {
        const isMore = queue.clear(discarded);
        if (!isMore) sessions.forget(discarded);
        return isMore;
      };
      try {
        while (await commit.runUnsynced(clearPart)) await nextTurn();
      } catch {
        return; // The store has failed, which it has told of, or was closed.
      }
    }
    this.#isRunning = false;
  }
}
