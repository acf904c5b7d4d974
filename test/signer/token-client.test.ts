/** What is asked of a token is waited for within bounds, and what is left unfinished leaves nothing behind. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createSoftToken, LABEL, modulePath, type SoftToken } from './soft-token.ts';

describeWith(['softhsm2-util', 'mkfifo'], 'a token', () => {
  const folder = temporaryFolder();
  let token: SoftToken;
  beforeAll(() => {
    token = createSoftToken(folder);
  });
  const child = (script: string, pinFile: string) =>
    spawnSync(process.execPath, [join(import.meta.dirname, 'child', script), modulePath, LABEL, pinFile], {
      env: { ...process.env },
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGTERM',
    });

  it('that does not answer is waited for by few and not for long, and cannot keep the process from ending', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const { stdout, signal } = child('hanging-token.mjs', pipe);
    const full = '3 answers of the token are waited for already';
    const late = 'signer_unavailable the token did not answer in 0.3 seconds';
    expect(stdout.trim().split('\n')).toEqual([
      `signer_unavailable ${full}`,
      late,
      late,
      full,
      'the token did not answer in 0.5 seconds',
    ]);
    expect(signal).toBe('SIGKILL');
  });

  it('signs what is long, such as a CRL, as it signs anything', () => {
    const { status, stdout } = child('long-data.mjs', token.pinFile);
    const lines = ['issuing 100', 'issuing 1000000', 'root 100', 'root 1000000'].map(
      (line) => `${line} true\n`,
    );
    expect([status, stdout]).toEqual([0, lines.join('')]);
  });

  it('does not keep keys that were made for a CA that did not come to be', () => {
    const { status, stdout } = child('unkept-key.mjs', token.pinFile);
    expect([status, stdout]).toEqual([0, '48\n48\n']);
    expect(token.objects()).toEqual([]);
  });
});
