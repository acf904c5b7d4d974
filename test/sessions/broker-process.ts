/** The broker as a process of its own, which can be killed at any moment and started again on the same port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Identity } from '../broker/authority.ts';
import type { Fleet } from '../broker/fleet.ts';
import { executable } from '../support/gatehouse.ts';
import { StrictClient } from './strict-client.ts';

export class BrokerProcess {
  readonly #fleet: Fleet;
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;
  #port = 0;
  /** What it has logged. */
  log = '';

  /** @param fleet whose registry and data folder it uses; its own broker is not to run */
  constructor(fleet: Fleet, ...flags: string[]) {
    this.#fleet = fleet;
    this.#flags = flags;
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when it takes connections. @throws Error with its log where it ends instead */
  async start(): Promise<void> {
    const flags = {
      data: this.#fleet.folder,
      host: '127.0.0.1',
      hostname: 'localhost',
      'mqtt-port': this.#port,
      'metrics-port': 0,
    };
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
    const child = spawn(process.execPath, [executable, 'broker', '--json', ...args, ...this.#flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.log += text;
    });
    const line = once(createInterface({ input: child.stdout }), 'line') as Promise<string[]>;
    const [ready] = await Promise.race([line, once(child, 'exit').then(() => [])]);
    if (ready === undefined) throw new Error(`the broker did not start:\n${this.log}`);
    this.#port = Number(new URL(JSON.parse(ready).mqttUrl).port);
  }

  /** Ends it without a word. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Resolves with its exit code once it has ended by itself. */
  async untilEnd(): Promise<number | null> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null)
      await once(child, 'exit');
    return child?.exitCode ?? null;
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** One whose session is durable, and which comes back by itself. */
  client({ id: clientId, key, chain }: Identity): StrictClient {
    const peer = { host: '127.0.0.1', port: this.#port, servername: 'localhost' };
    return new StrictClient({ clientId, tls: { ...peer, ca: this.#fleet.ca, key, cert: chain } });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }
}
