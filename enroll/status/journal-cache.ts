/**
 * Keeps what was derived from the registry for as long as the journal stands still: every change of state is a
 * row there, so nothing kept is ever older than the last revocation.
 */
import type { Clock } from '../../core/clock.ts';
import type { RegistryReader } from '../../registry/port.ts';

export interface JournalCacheOptions {
  readonly registry: Pick<RegistryReader, 'journalHead'>;
  readonly clock: Clock;
  /** What is kept at most; when that is reached, all of it is dropped. */
  readonly maxEntries: number;
  /** ms for which an entry is used even though nothing changes. */
  readonly maxAge: number;
}

export class JournalCache<Value> {
  readonly #options: JournalCacheOptions;
  readonly #entries = new Map<string, { readonly value: Promise<Value>; readonly madeAt: number }>();
  #head = -1;

  constructor(options: JournalCacheOptions) {
    this.#options = options;
  }

  /** Whoever asks for the same key at the same time shares one `make`. A rejection is not kept. */
  async get(key: string, make: () => Promise<Value>): Promise<Value> {
    const { registry, clock, maxEntries, maxAge } = this.#options;
    // Read before `make` reads: an entry may be newer than the head it is kept under, never older.
    const head = await registry.journalHead();
    if (head !== this.#head || this.#entries.size >= maxEntries) {
      this.#entries.clear();
      this.#head = head;
    }
    const kept = this.#entries.get(key);
    if (kept !== undefined && clock.now() - kept.madeAt < maxAge) return kept.value;
    const entry = { value: make(), madeAt: clock.now() };
    this.#entries.set(key, entry);
    entry.value.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    return entry.value;
  }
}
