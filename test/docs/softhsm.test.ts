/** The operations guide's own commands for CA keys in hardware, with SoftHSM as the hardware. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { blocksOf } from '../support/document.ts';
import { describeWith } from '../support/external.ts';
import { executable } from '../support/gatehouse.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const [makeToken = '', init = '', move = ''] = blocksOf('docs/OPERATIONS.md')
  .filter(({ language }) => language === 'sh')
  .map(({ text }) => text);

describeWith(['bash', 'openssl', 'softhsm2-util'], 'docs/OPERATIONS.md, CA keys in hardware', () => {
  const folder = temporaryFolder();

  /** One after another, in one shell, in a folder of their own. */
  function shell(name: string, ...commands: readonly string[]) {
    const cwd = join(folder, name);
    mkdirSync(cwd);
    const gatehouse = `gatehouse() { "${process.execPath}" "${executable}" "$@"; }`;
    const script = ['set -euo pipefail', gatehouse, ...commands].join('\n');
    const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { cwd, encoding: 'utf8' });
    return { cwd, status, output: stdout + stderr };
  }

  it('makes a token and a Gatehouse whose CA keys are in it', () => {
    const { cwd, status, output } = shell('new', makeToken, init, 'gatehouse migrate');
    expect([status, output]).toEqual([0, expect.stringContaining('Gatehouse is set up in ./data')]);
    expect(readdirSync(join(cwd, 'data', 'ca'))).toEqual([]);
  });

  it('moves the key of an issuing CA into a token', () => {
    const { cwd, status, output } = shell('moved', makeToken, 'gatehouse init', move);
    expect([status, output]).toEqual([0, expect.stringContaining('The key pair has been imported')]);
    expect(readdirSync(join(cwd, 'data', 'ca')).filter((name) => name.startsWith('issuing'))).toEqual([]);
    expect(
      shell('other', makeToken, 'gatehouse init', 'rm data/ca/issuing-*', 'gatehouse migrate').status,
    ).toBe(1);
  });
});
