/**
 * Notices commits. SQLite's `PRAGMA data_version` changes on a connection whenever any other connection, of
 * this or another process, has committed; asking takes about 2 µs, so it is asked every 20 ms.
 */
import type { Database, Statement } from 'better-sqlite3';

const POLL_INTERVAL_MS = 20;

interface Watcher {
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

export class CommitWatch {
  readonly #dataVersion: Statement<[], number>;
  readonly #watchers = new Set<Watcher>();
  #seen: number | undefined;
  #failing = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param database a connection that never writes: its own commits would go unnoticed */
  constructor(database: Database) {
    this.#dataVersion = database.prepare<[], number>('PRAGMA data_version').pluck();
  }

  /** Returns the function that ends it. The timer keeps no process alive. */
  add(onChange: () => void, onError: (error: unknown) => void = () => undefined): () => void {
    const watcher: Watcher = { onChange, onError };
    this.#watchers.add(watcher);
    this.#timer ??= setInterval(() => this.check(), POLL_INTERVAL_MS).unref();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#stop();
    };
  }

  /** Looks at once, without waiting for the next poll. Never throws. */
  check(): void {
    if (this.#watchers.size === 0 || !this.#hasChanged()) return;
    for (const { onChange, onError } of this.#watchers) {
      try {
        onChange();
      } catch (error) {
        onError(error);
      }
    }
  }

  close(): void {
    this.#watchers.clear();
    this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #hasChanged(): boolean {
    try {
      const version = this.#dataVersion.get();
      const changed = version !== this.#seen;
      this.#seen = version;
      this.#failing = false;
      return changed;
    } catch (error) {
      const first = !this.#failing;
      this.#failing = true;
      if (first) for (const { onError } of this.#watchers) onError(error);
      return false;
    }
  }
}
