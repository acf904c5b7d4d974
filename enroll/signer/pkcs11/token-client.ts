/** Asks the thread that talks to the token. It waits for a bounded time, in a bounded crowd. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { GatehouseError } from '../../../core/errors.ts';
import type { Answered, Asked, TokenAddress, TokenRequest } from './request.ts';

/** Times in milliseconds. */
export interface TokenLimits {
  readonly sign: number;
  readonly close: number;
  readonly other: number;
  /** Requests that the token has not answered yet, those included whose asker was told to come back. */
  readonly open: number;
}

export const tokenLimits: TokenLimits = {
  // Whoever wants a certificate is told to come back rather than kept for longer.
  sign: 10_000,
  close: 5_000,
  // Some tokens take their time to make a key.
  other: 120_000,
  open: 1_000,
};

interface Asker {
  readonly resolve: (value: Uint8Array) => void;
  readonly reject: (error: Error) => void;
  readonly deadline: NodeJS.Timeout;
}

export class TokenClient {
  readonly #address: TokenAddress;
  readonly #limits: TokenLimits;
  readonly #askers = new Map<number, Asker>();
  #thread: Worker | undefined;
  #lastId = 0;

  constructor(address: TokenAddress, limits = tokenLimits) {
    this.#address = address;
    this.#limits = limits;
  }

  /** @throws GatehouseError as Token.perform does, `signer_unavailable` where it takes too long */
  ask(request: TokenRequest): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const { open } = this.#limits;
      if (this.#askers.size >= open && request.operation !== 'close')
        throw new GatehouseError('signer_unavailable', `${open} answers of the token are waited for already`);
      const time = timeFor(request, this.#limits);
      const late = () =>
        reject(
          new GatehouseError('signer_unavailable', `the token did not answer in ${time / 1_000} seconds`),
        );
      this.#lastId += 1;
      const id = this.#lastId;
      this.#askers.set(id, { resolve, reject, deadline: setTimeout(late, time).unref() });
      this.#thread ??= this.#start();
      this.#thread.postMessage({ id, request } satisfies Asked);
    });
  }

  /** Gives the token back and ends the thread. Nothing may be asked after this. */
  async close(): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    await this.ask({ operation: 'close' }).finally(() => thread.unref());
  }

  #start(): Worker {
    // As this file is, in the build as in a Node that runs TypeScript.
    const file = `./token-thread${extname(import.meta.url)}`;
    const thread = new Worker(new URL(file, import.meta.url), { workerData: this.#address });
    thread.on('message', (answered: Answered) => this.#settle(answered));
    thread.on('error', (error) => this.#ended(thread, error.message));
    thread.on('exit', () => this.#ended(thread, 'it ended'));
    // Node would wait for a thread in a call that never returns, and so would whoever ended this process.
    const endAnyhow = () => {
      if (this.#askers.size > 0) process.kill(process.pid, 'SIGKILL');
    };
    process.once('exit', endAnyhow);
    thread.once('exit', () => process.off('exit', endAnyhow));
    return thread;
  }

  #settle(answered: Answered): void {
    const asker = this.#askers.get(answered.id);
    if (asker === undefined) return;
    this.#askers.delete(answered.id);
    clearTimeout(asker.deadline);
    if ('value' in answered) asker.resolve(answered.value);
    else asker.reject(new GatehouseError(answered.failure.code, answered.failure.detail));
  }

  /** Whoever asks next starts another. */
  #ended(thread: Worker, reason: string): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    for (const { reject, deadline } of this.#askers.values()) {
      clearTimeout(deadline);
      reject(
        new GatehouseError('signer_unavailable', `the thread that talks to the token failed: ${reason}`),
      );
    }
    this.#askers.clear();
  }
}

function timeFor({ operation }: TokenRequest, { sign, close, other }: TokenLimits): number {
  if (operation === 'sign') return sign;
  return operation === 'close' ? close : other;
}
