/**
 * The sessions of one connection to the token. A session does one thing at a time (PKCS #11 v2.40 §5.11), and a
 * network HSM takes milliseconds for each, so there are a few; who finds none free waits in line.
 */
import { CryptokiError } from './cryptoki.ts';
import type { Handle } from './native-module.ts';

/** Signing blocks a thread of libuv's pool, which has four and which file access needs too. */
const MOST_SESSIONS = 3;

interface Waiting {
  readonly resolve: (session: Handle) => void;
  readonly reject: (error: Error) => void;
}

export class SessionPool {
  readonly #open: () => Handle;
  readonly #idle: Handle[] = [];
  readonly #waiting: Waiting[] = [];
  #opened = 0;
  #most = MOST_SESSIONS;
  #retired: { readonly done: Promise<void>; readonly finish: () => void } | undefined;

  /** @param open a new session @param first one that is open already */
  constructor(open: () => Handle, first: Handle) {
    this.#open = open;
    this.#idle.push(first);
    this.#opened = 1;
  }

  async use<T>(work: (session: Handle) => Promise<T> | T): Promise<T> {
    const session = await this.#take();
    try {
      return await work(session);
    } finally {
      this.#give(session);
    }
  }

  /** Turns away who waits, and resolves once nobody uses a session any more. */
  retire(): Promise<void> {
    if (this.#retired === undefined) {
      let finish = () => {};
      const done = new Promise<void>((resolve) => {
        finish = resolve;
      });
      this.#retired = { done, finish };
      for (const { reject } of this.#waiting.splice(0)) reject(new RetiredError());
      if (this.#idle.length === this.#opened) finish();
    }
    return this.#retired.done;
  }

  async #take(): Promise<Handle> {
    if (this.#retired !== undefined) throw new RetiredError();
    return this.#idle.pop() ?? this.#another() ?? this.#next();
  }

  #another(): Handle | undefined {
    if (this.#opened >= this.#most) return undefined;
    try {
      const session = this.#open();
      this.#opened += 1;
      return session;
    } catch (error) {
      // A token may have room for fewer: those that are open have to do.
      if (!(error instanceof CryptokiError && error.reason === 'CKR_SESSION_COUNT')) throw error;
      this.#most = this.#opened;
      return undefined;
    }
  }

  #next(): Promise<Handle> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #give(session: Handle): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next.resolve(session);
    else this.#idle.push(session);
    if (this.#idle.length === this.#opened) this.#retired?.finish();
  }
}

/** The connection was given up while one waited for a session of it. */
export class RetiredError extends Error {
  override readonly name = 'RetiredError';
}
