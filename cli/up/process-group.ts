/** The processes of one `gatehouse up`: they come one after another, stay together, and go together. */
import { SupervisedProcess } from './supervised-process.ts';

export interface ProcessGroupOptions {
  readonly executable: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Asks for the end: whatever is waited for rejects. */
  readonly signal: AbortSignal;
}

export class ProcessGroup {
  readonly #options: ProcessGroupOptions;
  readonly #all: SupervisedProcess[] = [];
  readonly #staying: SupervisedProcess[] = [];

  constructor(options: ProcessGroupOptions) {
    this.#options = options;
  }

  /** One that does its work and ends. @returns its first line of JSON, undefined where there was none */
  async run(...given: readonly string[]): Promise<unknown> {
    const process = this.#spawn(given);
    const announcement = await this.#unlessInterrupted(process.announcement);
    const error = await this.#unlessInterrupted(process.ended);
    if (error !== undefined) throw error;
    return announcement;
  }

  /** One that stays. @returns its first line of JSON; rejects where it, or another that should stay, ends */
  async start(...given: readonly string[]): Promise<unknown> {
    const others = this.#staying.map((one) => one.failed());
    const process = this.#spawn(given);
    this.#staying.push(process);
    const announcement = await this.#unlessInterrupted(process.announcement, ...others);
    return announcement ?? process.failed();
  }

  /** Rejects when the first of those that should stay ends, or when the end is asked for. */
  untilOneEnds(): Promise<unknown> {
    return this.#unlessInterrupted(...this.#staying.map((one) => one.failed()));
  }

  /** Resolves when all have ended. */
  async stop(): Promise<void> {
    await Promise.all(this.#all.map((one) => one.stop()));
  }

  kill(): void {
    for (const one of this.#all) one.kill();
  }

  #spawn(given: readonly string[]): SupervisedProcess {
    const { executable, environment, signal } = this.#options;
    signal.throwIfAborted();
    const process = new SupervisedProcess({ executable, arguments: given, environment });
    this.#all.push(process);
    return process;
  }

  #unlessInterrupted<Value>(...promises: readonly Promise<Value>[]): Promise<Value> {
    const { signal } = this.#options;
    const interrupted = new Promise<never>((_resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    return Promise.race([interrupted, ...promises]);
  }
}
