/** The simulator as a program: what it prints where, how it ends, and that it survives being killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Authority, createAuthority } from './support/authority.ts';
import { type EnrollServer, enrolling, startEnrollServer } from './support/enroll-server.ts';
import { type ScriptedBroker, startScriptedBroker } from './support/scripted-broker.ts';

const EXECUTABLE = fileURLToPath(new URL('../../bin/gatehouse-sim.js', import.meta.url));
const folder = temporaryFolder();
const caFile = join(folder, 'root.pem');

let authority: Authority;
let server: EnrollServer;
let broker: ScriptedBroker;

beforeAll(async () => {
  authority = await createAuthority();
  broker = await startScriptedBroker(authority);
  server = await startEnrollServer(authority, enrolling(authority));
  writeFileSync(caFile, authority.ca);
});
afterAll(() => {
  broker.close();
  server.close();
});

const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

interface Run {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<number | null>;
}

function start(...given: string[]): Run {
  const child = spawn(process.execPath, [EXECUTABLE, ...given], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  children.add(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => {
    children.delete(child);
    return code as number | null;
  });
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

async function run(...given: string[]) {
  const { stdout, stderr, ended } = start(...given);
  return { code: await ended, stdout: stdout(), stderr: stderr() };
}

/** Lets a device live until it has published, and stops it. */
async function liveOnce(...given: string[]) {
  const device = start('run', '--json', '--interval', '50ms', ...address(), ...given);
  await eventually(() => device.stdout().includes('"published"'));
  device.child.kill('SIGTERM');
  const code = await device.ended;
  const events = device
    .stdout()
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { event: string }).event);
  return { code, events };
}

const address = () => ['--url', server.url, '--ca', caFile, '--mqtt-url', broker.url];

describe('a failure', () => {
  it('exits with 1, and says what, which code and what to do', async () => {
    const { code, stdout, stderr } = await run('fleet', '--token', 't', '--ca', 'nowhere.pem');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: nowhere\.pem cannot be read.*\ncode: file_unreadable\nwhat to do: .+\n$/);
  });

  it('is JSON on standard error with --json', async () => {
    const { stdout, stderr } = await run('fleet', '--token', 't', '--ca', 'nowhere.pem', '--json');
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'file_unreadable' } });
  });

  it('never shows the token', async () => {
    server.answer = (_request, response) => void response.writeHead(400).end();
    const { code, stdout, stderr } = await run(
      ...['run', '--state', 'secretive', '--token', 'ghe_secret', ...address()],
    );
    server.answer = enrolling(authority);
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain('ghe_secret');
  });
});

describe('gatehouse-sim run', () => {
  /** Where the device of the first test leaves its identity, and two after it go on. */
  const lived = ['--state', 'p1'];

  it('tells its life in JSON lines, and stops well on SIGTERM', async () => {
    const { code, events } = await liveOnce(...lived, '--id', 'press-1', '--token', 't');
    expect(code).toBe(0);
    expect(events.slice(0, 4)).toEqual(['enrolling', 'connecting', 'online', 'published']);
    expect(events.at(-1)).toBe('stopped');
    await eventually(() => broker.connections.at(-1)?.packets.at(-1)?.cmd === 'disconnect');
  });

  it('stops by itself after --duration', async () => {
    const { code, stdout } = await run(
      ...['run', '--state', 'p2', '--token', 't', '--duration', '300ms', '--interval', '50ms', ...address()],
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/stopped\n$/);
  });

  it('stops well when nobody reads its output any more', async () => {
    const device = start('run', '--state', 'p6', '--token', 't', '--interval', '20ms', ...address());
    await eventually(() => device.stdout().includes('published'));
    device.child.stdout?.destroy();
    expect([await device.ended, device.stderr()]).toEqual([0, '']);
  });

  it('needs no token once it has its certificate', async () => {
    const { code, events } = await liveOnce(...lived);
    expect(code).toBe(0);
    expect(events[0]).toBe('connecting');
  });

  it('tells that it renews, and goes on with the new certificate', async () => {
    authority.life = { renewAfter: 100, notAfter: 3_600_000 };
    const device = start(
      'run',
      '--json',
      '--state',
      'p7',
      '--token',
      't',
      '--interval',
      '50ms',
      ...address(),
    );
    await eventually(() => /"renewed"(.|\n)*"online"(.|\n)*"published"/.test(device.stdout()));
    authority.life = undefined;
    device.child.kill('SIGTERM');
    expect(await device.ended).toBe(0);
    const renewed =
      device
        .stdout()
        .split('\n')
        .find((line) => line.includes('"renewed"')) ?? '';
    const { serialNumber, notAfter } = JSON.parse(renewed);
    expect(Object.keys(JSON.parse(renewed))).toEqual(['event', 'serialNumber', 'notAfter']);
    const stored = JSON.parse(readFileSync(join(folder, 'p7', 'enrollment.json'), 'utf8'));
    expect([stored.notAfter, typeof serialNumber]).toEqual([notAfter, 'string']);
  });

  it('needs --ca no more once it has its trust anchors', async () => {
    expect(existsSync(join(folder, 'p1', 'trust.pem'))).toBe(true);
    const { code } = await liveOnce(...lived, '--ca', 'nowhere.pem');
    expect(code).toBe(0);
  });

  it('warns of a clock that is wrong', async () => {
    server.answer = async (request, response) => {
      response.setHeader('date', new Date(Date.now() + 3_600_000).toUTCString());
      return enrolling(authority)(request, response);
    };
    const { events } = await liveOnce('--state', 'p9', '--token', 't');
    server.answer = enrolling(authority);
    expect(events).toContain('wrong-clock');
  });

  it('ends with 1 when it is refused for good, and does not knock again', async () => {
    broker.onConnect = () => 2;
    broker.connections.length = 0;
    const { code, stderr } = await run('run', '--state', 'p4', '--token', 't', ...address());
    broker.onConnect = () => 0;
    expect(code).toBe(1);
    expect(stderr).toContain('code: mqtt_identifier_rejected');
    expect(broker.connections).toHaveLength(1);
  });

  it('stays where it is not admitted, and says why and what to do', async () => {
    broker.onConnect = () => 5;
    const device = start('run', '--state', 'p5', '--token', 't', ...address());
    await eventually(() => device.stdout().includes('what to do:'));
    expect(device.stdout()).toMatch(
      /CONNACK 5, not authorized \(mqtt_not_authorized\); trying again in [\d.]+ s\nwhat to do: .*resumed\.\n$/,
    );
    expect(device.child.exitCode).toBeNull();
    device.child.kill('SIGTERM');
    expect(await device.ended).toBe(0);
    broker.onConnect = () => 0;
  });
});

describe('when killed at any moment', () => {
  it('goes on with the same identity: one key, one certificate', async () => {
    authority.issued.clear();
    const state = join(folder, 'killed');
    const given = ['run', '--state', state, '--token', 't', '--json', '--interval', '20ms', ...address()];
    // The answer takes its time, so that some of the kills fall before it, some while it is written, some after.
    server.answer = async (request, response) => {
      await delay(40);
      await enrolling(authority)(request, response);
    };
    const keyFile = join(state, 'key.pem');
    const keys = new Set<string>();
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const device = start(...given);
      await eventually(() => device.stdout() !== '');
      await delay(attempt * 9);
      device.child.kill('SIGKILL');
      await device.ended;
      if (existsSync(keyFile)) keys.add(readFileSync(keyFile, 'utf8'));
    }
    server.answer = enrolling(authority);
    const { code } = await liveOnce('--state', state, '--token', 't');
    expect(code).toBe(0);
    keys.add(readFileSync(keyFile, 'utf8'));
    expect(keys.size).toBe(1);
    expect([...authority.issued.values()]).toEqual([1]);
  });
});

describe('gatehouse-sim fleet', () => {
  it('prints one JSON object and nothing else on standard output with --json', async () => {
    const { code, stdout, stderr } = await run(
      ...[
        'fleet',
        '--devices',
        '3',
        '--token',
        't',
        '--rate',
        '50',
        '--duration',
        '200ms',
        '--json',
        ...address(),
      ],
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, devices: 3, messages: { acknowledged: 10 } });
    expect(stderr).toMatch(/latency +p50/);
  });

  it('exits with 1 where something failed, with the report all the same', async () => {
    broker.onConnect = () => 5;
    const { code, stdout } = await run(
      ...['fleet', '--devices', '2', '--token', 't', '--duration', '100ms', ...address()],
    );
    broker.onConnect = () => 0;
    expect(code).toBe(1);
    expect(stdout).toMatch(/failures +mqtt_not_authorized 2\n {2}mqtt_not_authorized: .+\n$/);
  });
});
