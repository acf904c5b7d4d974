/** One process that `gatehouse up` started: what it announces, how it ended, and how it is asked to end. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { GatehouseError } from '../../core/errors.ts';
import { type LastWords, ReportedError } from '../../runtime/command-line/last-words.ts';
import { supervisedEnvironment } from './supervised.ts';

/** A role gives itself 10 s to close cleanly (runtime/shutdown.ts). */
const STOP_DEADLINE_MS = 15_000;

const lastWords = z.object({ error: z.object({ code: z.string(), detail: z.string(), remedy: z.string() }) });

export interface ProcessOptions {
  /** The script of `gatehouse`. */
  readonly executable: string;
  /** The first is the command, by which messages call the process. */
  readonly arguments: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

export class SupervisedProcess {
  /** Resolves once it has ended: undefined for code 0, else what went wrong. */
  readonly ended: Promise<Error | undefined>;
  /** Its first line of JSON; undefined where it ended well without one. Rejects where it failed before that. */
  readonly announcement: Promise<unknown>;
  readonly #name: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #announced = false;
  #failure: LastWords | undefined;

  constructor({ executable, arguments: given, environment }: ProcessOptions) {
    this.#name = `gatehouse ${given[0]}`;
    this.#child = spawn(process.execPath, [executable, ...given], {
      env: { OPENSSL_CONF: opensslConfigBeside(executable), ...supervisedEnvironment(environment) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // What is gone already cannot be told to go.
    this.#child.stdin.on('error', () => undefined);
    this.ended = this.#untilEnded();
    this.announcement = this.#untilAnnounced();
    // Whoever does not wait for the announcement learns of a failure from `ended`.
    this.announcement.catch(() => undefined);
  }

  /** Rejects when it ends, even well: for one that should stay. */
  async failed(): Promise<never> {
    throw (await this.ended) ?? new GatehouseError('process_ended', `${this.#name} ended by itself`);
  }

  /**
   * Ends it through its standard input: a signal could come on top of the terminal's own, which cuts it short.
   * One that has not announced itself does not listen there yet, and has nothing to close.
   */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    if (!this.#announced) this.#child.kill('SIGTERM');
    const deadline = setTimeout(() => this.kill(), STOP_DEADLINE_MS);
    await this.ended;
    clearTimeout(deadline);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #untilEnded(): Promise<Error | undefined> {
    // Not "exit": at "close" its last words have been read.
    const [code, signal]: unknown[] = await once(this.#child, 'close');
    if (code === 0) return undefined;
    if (this.#failure !== undefined) return new ReportedError(this.#failure);
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    return new GatehouseError('process_ended', `${this.#name} ended ${how}`);
  }

  #untilAnnounced(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        const value = parseJson(line);
        const failed = lastWords.safeParse(value);
        if (failed.success) this.#failure = failed.data.error;
        if (failed.success || value === undefined) return;
        this.#announced = true;
        resolve(value);
      });
      this.ended.then((error) => (error === undefined ? resolve(undefined) : reject(error)), reject);
    });
  }
}

/** What Node has no setting for. The environment's own OPENSSL_CONF goes before it: that may be what makes a host FIPS 140's. */
function opensslConfigBeside(executable: string): string {
  return join(dirname(realpathSync(executable)), 'openssl.cnf');
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
