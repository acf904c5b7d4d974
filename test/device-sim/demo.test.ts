/** The demonstration itself: a real Gatehouse in two processes, its flow, and every attack it must withstand. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Verdict } from '../../device-sim/demo/verdict.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const EXECUTABLE = fileURLToPath(new URL('../../bin/gatehouse-sim.js', import.meta.url));
const folder = temporaryFolder();

/** The demo with a folder for temporary files of its own, so that what it leaves behind can be seen. */
function startDemo(name: string, ...given: string[]) {
  const temporary = join(folder, name);
  mkdirSync(temporary);
  const child = spawn(process.execPath, [EXECUTABLE, 'demo', ...given], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: temporary },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, temporary, stdout: () => stdout, stderr: () => stderr, ended };
}

describe('gatehouse-sim demo --json', () => {
  let code: number | null;
  let verdict: Verdict;
  let leftBehind: string[];

  beforeAll(async () => {
    const demo = startDemo('whole', '--json');
    code = await demo.ended;
    if (demo.stdout() === '') throw new Error(`the demo printed no verdict:\n${demo.stderr()}`);
    verdict = JSON.parse(demo.stdout()) as Verdict;
    leftBehind = readdirSync(demo.temporary);
  });

  it('finds every row as expected', () => {
    expect(verdict.rows.filter(({ ok }) => !ok)).toEqual([]);
    expect(verdict.rows.length).toBeGreaterThan(50);
    expect(code).toBe(0);
  });

  it.each([
    'a device renews while it publishes',
    'its messages, at the service',
    'its old certificate, from then on',
    'no certificate',
    "self-signed, with a device's CN",
    "another CA's certificate with that CN",
    'signed by the real key, not in the registry',
    'revoked',
    'revoked, resuming its TLSv1.2 session',
    'revoked, resuming its TLSv1.3 session',
    'suspended, coming back',
    'expiring while connected, then coming back',
    "another device's client id",
    "publish to another's telemetry",
    'subscribe to #',
    'subscribe to devices/+/telemetry',
    "subscribe to another's commands",
    'subscribe to $SYS/#',
    "a will on another's telemetry",
    'a spent token, with another key',
    'an expired token',
    'a token for another name',
    'a CSR with a broken signature',
    'a CSR with an RSA key of 1024 bits',
    'a CSR that asks to be a CA',
    'the same CSR and token again',
  ])('tries: %s', (what) => {
    expect(verdict.rows.filter((row) => row.what === what)).toHaveLength(1);
  });

  it('measures how soon a revoked device is cut off', () => {
    expect(verdict.figures.revokeCutOffMs).toBeGreaterThan(0);
  });

  it('loses nothing of the others', () => {
    expect(verdict.figures.messagesAcknowledged).toBeGreaterThan(100);
    expect(verdict.figures.messagesReceived).toBe(verdict.figures.messagesAcknowledged);
  });

  it('says where the time went', () => {
    expect(Object.keys(verdict.figures.seconds)).toEqual(
      expect.arrayContaining(['start Gatehouse', 'enroll', 'traffic and revocation']),
    );
  });

  it('leaves nothing behind', () => {
    expect(leftBehind).toEqual([]);
  });
});

describe('when nobody reads what the demo says', () => {
  it('ends it and Gatehouse, and removes its folder', async () => {
    const demo = startDemo('unread');
    await eventually(() => demo.stdout() !== '');
    demo.child.stdout.destroy();
    expect(await demo.ended).toBe(1);
    expect(readdirSync(demo.temporary)).toEqual([]);
  });
});

describe('when the demo is interrupted', () => {
  it('ends Gatehouse, removes its folder, and exits with 1', async () => {
    const demo = startDemo('interrupted');
    await eventually(() => demo.stdout().includes('20 certificates'));
    demo.child.kill('SIGINT');
    expect(await demo.ended).toBe(1);
    expect(demo.stderr()).toContain('code: interrupted');
    expect(demo.stdout()).not.toContain('DIFFERS');
    expect(existsSync(demo.temporary)).toBe(true);
    expect(readdirSync(demo.temporary)).toEqual([]);
  });
});
