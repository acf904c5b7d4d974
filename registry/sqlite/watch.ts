/**
 * Notices commits. SQLite's `PRAGMA data_version` changes on a connection whenever any other connection, of
 * this or another process, has committed; asking takes about 2 µs, so it is asked every 5 ms.
 *
 * It notices too when another file takes the place of the one that is open, as a restore does: the connection
 * would go on reading the old one, in which nothing ever happens again.
 */
import { statSync } from 'node:fs';
import type { Database, Statement } from 'better-sqlite3';
import { GatehouseError } from '../../core/errors.ts';

const POLL_INTERVAL_MS = 5;
const FILE_INTERVAL_MS = 1_000;

interface Watcher {
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

export class CommitWatch {
  readonly #dataVersion: Statement<[], number>;
  readonly #watchers = new Set<Watcher>();
  #seen: number | undefined;
  readonly #file: string;
  /** The file that was opened. */
  readonly #identity: string;
  #failing = false;
  #replaced = false;
  #timer: NodeJS.Timeout | undefined;
  #fileTimer: NodeJS.Timeout | undefined;

  /** @param database a connection that never writes: its own commits would go unnoticed */
  constructor(database: Database) {
    this.#file = database.name;
    this.#identity = identityOf(this.#file);
    this.#dataVersion = database.prepare<[], number>('PRAGMA data_version').pluck();
  }

  /** Returns the function that ends it. The timer keeps no process alive. */
  add(onChange: () => void, onError: (error: unknown) => void = () => undefined): () => void {
    const watcher: Watcher = { onChange, onError };
    this.#watchers.add(watcher);
    this.#timer ??= setInterval(() => this.check(), POLL_INTERVAL_MS).unref();
    this.#fileTimer ??= setInterval(() => this.checkFile(), FILE_INTERVAL_MS).unref();
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

  /** Whether the file is still the one that was opened: `registry_replaced` is told once. Never throws. */
  checkFile(): void {
    if (this.#replaced || this.#watchers.size === 0) return;
    let error: unknown;
    try {
      if (identityOf(this.#file) === this.#identity) return;
      error = new GatehouseError('registry_replaced', `another file is at ${this.#file}`);
      this.#replaced = true;
    } catch (cause) {
      error = cause;
    }
    for (const { onError } of this.#watchers) onError(error);
  }

  close(): void {
    this.#watchers.clear();
    this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    clearInterval(this.#fileTimer);
    this.#fileTimer = undefined;
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

/** Device and inode; empty where there is no file. */
function identityOf(file: string): string {
  const status = statSync(file, { bigint: true, throwIfNoEntry: false });
  return status === undefined ? '' : `${status.dev}:${status.ino}`;
}
