/** `npm start`: npm and its shell stand before the process, and a signal must get through both of them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import type { Ready } from '../support/gatehouse.ts';
import { prepareData } from '../support/prepared-data.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = temporaryFolder();
let count = 0;

interface Started extends Ready {
  readonly npm: ChildProcess;
  /** Of npm and, as it is the leader, of the process group. */
  readonly pid: number;
  /** What the processes logged so far. */
  log(): string;
}

let started: Started | undefined;
afterEach(() => {
  try {
    if (started !== undefined) process.kill(-started.pid, 'SIGKILL');
  } catch {
    // Nobody of it is left, as should be.
  }
});

async function npmStart(): Promise<Started> {
  count += 1;
  const data = await prepareData(join(folder, `${count}`));
  const ports = ['enroll', 'status', 'admin', 'mqtt', 'metrics'].flatMap((name) => [`--${name}-port`, '0']);
  const flags = ['--data', data, '--json', '--host', '127.0.0.1', '--log-format', 'json', ...ports];
  const npm = spawn('npm', ['start', '--silent', '--', ...flags], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, npm_config_update_notifier: 'false' },
  });
  let log = '';
  npm.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const [line]: string[] = await once(createInterface({ input: npm.stdout }), 'line');
  started = { ...(JSON.parse(line ?? '') as Ready), npm, pid: npm.pid ?? Number.NaN, log: () => log };
  return started;
}

async function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  return once(socket, 'connect').then(
    () => Boolean(socket.destroy()),
    () => false,
  );
}

describeWith(['npm'], 'npm start', () => {
  it.each([
    ['SIGTERM to npm, as a service manager sends it', 'SIGTERM', 1],
    ['SIGTERM to the process group', 'SIGTERM', -1],
    ['SIGINT to the process group, as a terminal sends it', 'SIGINT', -1],
  ] as const)('ends well, and leaves nothing behind, on %s', async (_name, signal, whom) => {
    const { npm, pid, enrollUrl, mqttUrl, log } = await npmStart();
    expect(await listens(mqttUrl)).toBe(true);
    process.kill(whom * pid, signal);
    expect(await once(npm, 'close')).toEqual([0, null]);
    // Not killed: each of the two has closed what it had open.
    expect(log().match(/"msg":"stopped"/g)).toHaveLength(2);
    expect([await listens(enrollUrl), await listens(mqttUrl)]).toEqual([false, false]);
    await eventually(() => groupIsGone(pid));
  });
});

function groupIsGone(leader: number): boolean {
  try {
    process.kill(-leader, 0);
    return false;
  } catch {
    return true;
  }
}
