/** Asks the thread that builds CRLs, starts it, and starts it again when it has failed. One list at a time is built. */
import { Worker } from 'node:worker_threads';
import { threadFile } from '../../runtime/thread-file.ts';
import type { Answered, Asked, BuiltLists, ListsRequest } from './lists-request.ts';

/** A list of ten million certificates takes a minute; whoever takes longer is stuck. */
const DEADLINE_MS = 120_000;
/** Of JavaScript's heap. Rows are read one by one, and lists are no part of it. */
const HEAP_MB = 128;

interface Asker {
  readonly resolve: (built: BuiltLists) => void;
  readonly reject: (error: Error) => void;
  readonly deadline: NodeJS.Timeout;
}

/** What builds lists: the thread, or in its place whatever a test needs. */
export interface ListBuilder {
  build(request: ListsRequest): Promise<BuiltLists>;
}

/** @param database the file of the registry */
export type OpenListBuilder = (database: string) => ListBuilder & { close(): Promise<void> };

export class CrlThread implements ListBuilder {
  readonly #database: string;
  readonly #askers = new Map<number, Asker>();
  #thread: Worker | undefined;
  #lastId = 0;
  #closed = false;

  /** @param database the file of the registry */
  constructor(database: string) {
    this.#database = database;
  }

  /** @throws Error where the thread fails, or takes too long; the next request starts another */
  build(request: ListsRequest): Promise<BuiltLists> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Error('CRLs are built no more');
      this.#lastId += 1;
      const id = this.#lastId;
      const thread = this.#thread ?? this.#start();
      const late = () => this.#giveUp(thread, `no answer in ${DEADLINE_MS / 1_000} seconds`);
      this.#askers.set(id, { resolve, reject, deadline: setTimeout(late, DEADLINE_MS).unref() });
      // It keeps the process for as long as somebody waits for it.
      thread.ref();
      thread.postMessage({ id, request } satisfies Asked);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#thread?.terminate();
  }

  #start(): Worker {
    const thread = new Worker(threadFile('crl-thread', import.meta.url), {
      workerData: this.#database,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    this.#thread = thread;
    thread.on('message', (answered: Answered) => this.#settle(answered));
    thread.on('error', (error) => this.#ended(thread, error.message));
    thread.on('exit', () => this.#ended(thread, 'it ended'));
    return thread;
  }

  #settle(answered: Answered): void {
    const asker = this.#askers.get(answered.id);
    if (asker === undefined) return;
    this.#askers.delete(answered.id);
    clearTimeout(asker.deadline);
    if (this.#askers.size === 0) this.#thread?.unref();
    if ('built' in answered) asker.resolve(answered.built);
    else asker.reject(new Error(`A CRL could not be built: ${answered.failure}`));
  }

  #giveUp(thread: Worker, reason: string): void {
    this.#ended(thread, reason);
    thread.terminate().catch(() => {});
  }

  #ended(thread: Worker, reason: string): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    for (const { reject, deadline } of this.#askers.values()) {
      clearTimeout(deadline);
      reject(new Error(`The thread that builds CRLs failed: ${reason}`));
    }
    this.#askers.clear();
  }
}
