/** The demo's own Gatehouse: what becomes of it, and of its folder, when it does not start as it should. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Gatehouse, startGatehouse } from '../../device-sim/demo/gatehouse-process.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let runningIn: string;

/** Starts a script in place of `gatehouse`. */
function startScript(script: string, signal = new AbortController().signal): Promise<Gatehouse> {
  const executable = join(folder, 'script.mjs');
  writeFileSync(executable, script);
  runningIn = '';
  return startGatehouse({
    keep: false,
    signal,
    executable,
    onFolder(path) {
      runningIn = path;
    },
  });
}

const READY = `
  import { writeFileSync } from 'node:fs';
  writeFileSync('root.pem', 'the root');
  writeFileSync('token', 'gho_x\\n');
  const url = 'https://localhost:1';
  console.log(JSON.stringify({ ready: true, enrollUrl: url, statusUrl: url, adminUrl: url, mqttUrl: url,
    caFile: process.cwd() + '/root.pem', adminTokenFile: process.cwd() + '/token' }));
  setInterval(() => {}, 1000);
`;

describe('a Gatehouse that does not start', () => {
  it('is explained by the last it logged, and leaves no folder', async () => {
    const starting = startScript(`console.error('no disk'); process.exit(3);`);
    await expect(starting).rejects.toMatchObject({
      code: 'server_unreachable',
      message: 'Gatehouse did not start: it ended with exit code 3\nno disk',
    });
    expect(existsSync(runningIn)).toBe(false);
  });

  it.each([
    ['what is not JSON', `console.log('hello'); setInterval(() => {}, 1000);`],
    ['JSON that is not that it is ready', `console.log('{"ready":false}'); setInterval(() => {}, 1000);`],
  ])('because it says %s, is ended', async (_what, script) => {
    const starting = startScript(script);
    await expect(starting).rejects.toMatchObject({ code: 'server_unreachable' });
    expect(existsSync(runningIn)).toBe(false);
  });

  it('because the demo is interrupted meanwhile, is ended', async () => {
    const stop = new AbortController();
    const starting = startScript(`setInterval(() => {}, 1000);`, stop.signal);
    await eventually(() => existsSync(runningIn));
    stop.abort();
    await expect(starting).rejects.toMatchObject({ code: 'interrupted' });
    expect(existsSync(runningIn)).toBe(false);
  });
});

describe('a Gatehouse that runs', () => {
  it('does not hear of the settings of another one', async () => {
    process.env.GATEHOUSE_DATA = '/nowhere';
    const starting = startScript(`console.error(process.env.GATEHOUSE_DATA); process.exit(1);`);
    await expect(starting).rejects.toThrow(/undefined$/);
    delete process.env.GATEHOUSE_DATA;
  });

  it('is ended with its folder', async () => {
    const { ca, adminToken, stop } = await startScript(READY);
    expect([ca, adminToken]).toEqual(['the root', 'gho_x']);
    expect(existsSync(runningIn)).toBe(true);
    await stop();
    expect(existsSync(runningIn)).toBe(false);
  });
});
