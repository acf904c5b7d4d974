/** The real thing: `gatehouse up` as a process with its two children, in a data folder of its own, on free ports. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

export const executable = resolve(import.meta.dirname, '../../bin/gatehouse.js');
export const simulator = resolve(import.meta.dirname, '../../bin/gatehouse-sim.js');

const START_DEADLINE_MS = 60_000;

export interface Ready {
  readonly enrollUrl: string;
  readonly statusUrl: string;
  readonly adminUrl: string;
  readonly mqttUrl: string;
  readonly caFile: string;
  readonly adminTokenFile: string;
  readonly token: string;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestGatehouse extends Ready {
  readonly data: string;
  readonly process: ChildProcess;
  /** What the processes logged so far. */
  log(): string;
  /** One of the operator's commands, with --data. */
  command(...args: string[]): Promise<Finished>;
  /** The same with --json, parsed. */
  json<Result>(...args: string[]): Promise<Result>;
  stop(): Promise<void>;
}

/** @throws Error with the log, where it does not come up */
export async function startGatehouse(data: string, ...flags: string[]): Promise<TestGatehouse> {
  const ports = ['enroll', 'status', 'admin', 'mqtt', 'metrics'].flatMap((name) => [`--${name}-port`, '0']);
  const hosts = ['--host', '127.0.0.1', '--hostname', 'localhost,127.0.0.1'];
  const child = spawn(
    process.execPath,
    [executable, 'up', '--json', '--data', data, ...hosts, ...ports, ...flags],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      // As the test has set it: jest's `process.env` is a copy, which children do not get by themselves.
      env: { ...process.env },
    },
  );
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const deadline = setTimeout(() => child.kill('SIGTERM'), START_DEADLINE_MS);
  const [first] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line') as Promise<string[]>,
    once(child, 'exit').then(() => []),
  ]);
  clearTimeout(deadline);
  if (first === undefined) throw new Error(`gatehouse did not start:\n${log}`);
  const ready = JSON.parse(first) as Ready;

  const command = (...args: string[]) => run(executable, ...args, '--data', data);
  return {
    ...ready,
    data,
    process: child,
    log: () => log,
    command,
    async json<Result>(...args: string[]) {
      const { code, stdout, stderr } = await command(...args, '--json');
      if (code !== 0) throw new Error(`gatehouse ${args.join(' ')}: exit code ${code}\n${stderr}`);
      return JSON.parse(stdout) as Result;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Runs one of the executables to its end. */
export function run(script: string, ...args: string[]): Promise<Finished> {
  return new Promise((done) => {
    const options = {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, NO_COLOR: '1' },
    } as const;
    const child = execFile(process.execPath, [script, ...args], options, (_error, stdout, stderr) => {
      done({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}
