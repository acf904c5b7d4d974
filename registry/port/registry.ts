/**
 * The registry as the rest of Gatehouse sees it: what must last, behind asynchronous methods that SQLite
 * serves today and PostgreSQL can serve later. The enroll process is its only writer.
 */
import type { Actor } from '../../core/journal/events.ts';
import type { ObservationReader, Observations } from '../observations.ts';
import type { RegistrySpace } from '../records.ts';
import type { Due, Horizon } from './housekeeping.ts';
import type { RegistryReader } from './reader.ts';
import type { RegistryTransaction } from './transaction.ts';

/** What a process that only reads gets: the broker. */
export interface RegistryView extends RegistryReader {
  /** What is observed of devices, beside what they are. */
  readonly observations: ObservationReader;
  /**
   * Calls `onChange` soon after any commit, by this or another process; calls may be merged, and one may come
   * for nothing. `onError` hears, once until it recovers, that changes cannot be noticed, and whatever
   * `onChange` throws; `registry_replaced` where another registry has taken the place of this one, for good. Returns the function that ends it.
   */
  watch(onChange: () => void, onError?: (error: unknown) => void): () => void;
  /** Another number after any commit, by this or another process: what was read at one number is so until the next. */
  version(): Promise<number>;
  close(): Promise<void>;
}

/** What the enroll process gets. */
export interface Registry extends RegistryView {
  space(): Promise<RegistrySpace>;
  /** Counts up to `limit` of each. */
  due(horizon: Horizon & { readonly now: number }, limit: number): Promise<Due>;
  /**
   * Runs `work` in a transaction and resolves once it is durable (on disk, not merely written). Transactions
   * run one after another; if `work` rejects, nothing of it remains and the rejection is passed on.
   * `work` awaits nothing but the transaction's own methods: the writes of all others wait for it. It may be run
   * again from its beginning, where another write that shared the commit failed halfway: what it does outside of the
   * transaction must bear that.
   */
  write<T>(actor: Actor, work: (transaction: RegistryTransaction) => Promise<T>): Promise<T>;
  /**
   * Writes what was observed, in a transaction that can touch nothing else: the one way to write that leaves no row in
   * the journal, for nothing changes its state by it. Of devices that are not there it writes nothing. What is too old or
   * too much is forgotten on the way. Resolves once it is durable.
   */
  observe(observations: Observations): Promise<void>;
}
