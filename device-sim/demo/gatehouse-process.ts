/** A Gatehouse of the demo's own: `gatehouse up` as a child process, in a temporary folder and on free ports. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { GatehouseError } from '../../core/errors.ts';
import { OperatorLog } from './operator-log.ts';

type Child = ChildProcessByStdio<null, Readable, Readable>;

const START_TIMEOUT_MS = 40_000;
const STOP_TIMEOUT_MS = 10_000;

const LISTENERS = '--enroll-port 0 --status-port 0 --admin-port 0 --mqtt-port 0 --metrics-port 0';
const ARGUMENTS = [
  ...['up', '--json', '--host', '127.0.0.1', '--hostname', 'localhost,127.0.0.1'],
  ...LISTENERS.split(' '),
  // Every refusal is a warning, and the demo reads them.
  ...['--log-level', 'warn', '--log-format', 'json'],
];

const readySchema = z.object({
  ready: z.literal(true),
  enrollUrl: z.url(),
  statusUrl: z.url(),
  adminUrl: z.url(),
  mqttUrl: z.url(),
  caFile: z.string(),
  adminTokenFile: z.string(),
});

export interface Gatehouse {
  readonly enrollUrl: string;
  readonly statusUrl: string;
  readonly adminUrl: string;
  readonly mqttUrl: string;
  /** PEM text of the root certificate. */
  readonly ca: string;
  readonly adminToken: string;
  /** The data folder. */
  readonly data: string;
  /** What it logs. */
  readonly log: OperatorLog;
  /** Ends it, and removes its folder unless it is to be kept. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Whether its folder stays when it is stopped. */
  readonly keep: boolean;
  /** Told where its folder is, as soon as there is one. */
  readonly onFolder: (folder: string) => void;
  readonly signal: AbortSignal;
  /** The script of `gatehouse`; this package's own where absent. */
  readonly executable?: string;
}

/** @throws GatehouseError `server_unreachable`, with the end of its log */
export async function startGatehouse(options: StartOptions): Promise<Gatehouse> {
  const { keep, onFolder, signal, executable = findExecutable() } = options;
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-demo-'));
  onFolder(folder);
  const data = join(folder, 'data');
  // In a process group of its own: a Ctrl-C on the terminal is for the demo, which then ends it in good order.
  const child = spawn(process.execPath, [executable, ...ARGUMENTS, '--data', data], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    cwd: folder,
    env: withoutSettings(process.env),
  });
  const closed = once(child, 'close');
  const log = new OperatorLog();
  child.stderr.pipe(createWriteStream(join(folder, 'gatehouse.log'), { mode: 0o600 }));
  createInterface({ input: child.stderr }).on('line', (line) => log.add(line));
  const stop = async () => {
    await end(child, closed);
    if (!keep) await rm(folder, { recursive: true, force: true });
  };
  try {
    const ready = await untilReady(child, closed, signal);
    const [ca, adminToken] = await Promise.all([
      readFile(ready.caFile, 'utf8'),
      readFile(ready.adminTokenFile, 'utf8'),
    ]);
    return { ...ready, ca, adminToken: adminToken.trim(), data, log, stop };
  } catch (error) {
    await stop();
    throw signal.aborted ? interruption() : didNotStart(error, log);
  }
}

/** What a demo that was asked to end ends with. */
export function interruption(): GatehouseError {
  return new GatehouseError('interrupted', 'the demo was interrupted; its Gatehouse was ended');
}

/** bin/gatehouse.js above this file, which lies deeper in the build than in the sources. */
function findExecutable(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  const executable = () => join(folder, 'bin', 'gatehouse.js');
  while (!existsSync(executable()) && folder !== dirname(folder)) folder = dirname(folder);
  return executable();
}

/** What the shell has set for another Gatehouse must not reach this one. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('GATEHOUSE_')));
}

async function untilReady(
  child: Child,
  closed: Promise<unknown[]>,
  signal: AbortSignal,
): Promise<z.output<typeof readySchema>> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
  const lines = createInterface({ input: child.stdout });
  const ready = once(lines, 'line', { signal: deadline }).then(([line]) =>
    readySchema.parse(JSON.parse(line)),
  );
  const ended = closed.then(([code]) => {
    throw new Error(`it ended with exit code ${code}`);
  });
  return Promise.race([ready, ended]);
}

async function end(child: Child, closed: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  // Where it could not even be started, there is nothing to wait for.
  await closed.catch(() => undefined);
  clearTimeout(timer);
}

function didNotStart(error: unknown, { tail }: OperatorLog): GatehouseError {
  const reason = error instanceof Error ? error.message : String(error);
  const detail = [`Gatehouse did not start: ${reason}`, ...tail].join('\n');
  return new GatehouseError('server_unreachable', detail, { cause: error });
}
