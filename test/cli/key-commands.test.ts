/** `gatehouse key …` against a real enroll process: block one or a list, list, unblock, fingerprint. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { keyFingerprintOf } from '../enrollment/renewing.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Operated } from './operated.ts';
import { explained, gatehouse } from './transcript.ts';

const folder = temporaryFolder();
let operated: Operated;
beforeAll(async () => {
  operated = await Operated.start(folder);
});
afterAll(() => operated.close());

const hex = (of: string) => createHash('sha256').update(of).digest('hex');
const list = join(folder, 'list.txt');
/** Fingerprints and notes of all that are blocked. */
const blocked = async (): Promise<Map<string, string>> => {
  const keys: { fingerprint: string; note: string }[] = await operated.json('key list');
  return new Map(keys.map(({ fingerprint, note }) => [fingerprint, note]));
};

describe('gatehouse key block --file', () => {
  it('blocks a list, with notes of its own or that of the command', async () => {
    writeFileSync(list, `# weak\n${hex('a')}\tfirmware 3\n\n${hex('b').toUpperCase()}\r\n${hex('a')}\n`);
    expect(await operated.run(`key block --file ${list} --note by-list`)).toEqual({
      code: 0,
      stdout: 'blocked keys: 2 imported, 1 unchanged\n',
      stderr: '',
    });
    expect(await blocked()).toEqual(
      new Map([
        [hex('a'), 'firmware 3'],
        [hex('b'), 'by-list'],
      ]),
    );
  });

  it('tells what is wrong by line, and blocks nothing', async () => {
    writeFileSync(list, `# weak\n${hex('c')}\nnot-a-fingerprint why\n`);
    const { code, stderr } = await operated.run(`key block --file ${list}`);
    expect(code).toBe(1);
    expect(stderr).toContain(
      '  line 3: "not-a-fingerprint" is not a SHA-256 fingerprint (fingerprint_invalid)\n',
    );
    expect((await blocked()).has(hex('c'))).toBe(false);
    writeFileSync(list, hex('c'));
    expect(await operated.json(`key block --file ${list} --dry-run`)).toMatchObject({
      imported: 1,
      dryRun: true,
    });
    expect((await blocked()).has(hex('c'))).toBe(false);
  });

  it.each([
    ['key block', 'give a fingerprint, or --file'],
    [`key block ${hex('x')}`, 'say why with --note'],
    [`key block ${hex('x')} --file list.txt`, 'give a fingerprint or --file, not both'],
    [`key block ${hex('x')} --note y --dry-run`, '--dry-run goes with --file'],
  ])('is misused as: gatehouse %s', async (command, detail) => {
    const { code, stderr } = await operated.run(command);
    expect(code).toBe(2);
    expect(stderr).toMatch(explained(detail, 'usage_invalid'));
  });
});

describe('gatehouse key block', () => {
  it('of a key that is blocked already tells of what stays', async () => {
    const order = `key block ${hex('again')} --note`;
    const first = await operated.json(`${order} found`);
    expect(first).toMatchObject({ fingerprint: hex('again'), note: 'found' });
    expect(await operated.json(`${order} other`)).toEqual(first);
    expect(await operated.run(`${order} found`)).toMatchObject({
      stdout: `key ${hex('again')} is blocked\n`,
    });
    expect((await operated.run(`${order} other`)).stdout).toMatch(
      new RegExp(`^key ${hex('again')} is blocked since .*Z, and its note stays: found\n$`),
    );
    expect((await blocked()).get(hex('again'))).toBe('found');
  });
});

describe('gatehouse key list and unblock', () => {
  it('list those after one, and take one off', async () => {
    await operated.json(`key block ${hex('d')} --note oops`);
    const all = [...(await blocked()).keys()];
    expect(all).toEqual(all.toSorted());
    const rest = await operated.json(`key list --after ${all[0]}`);
    expect(rest).toHaveLength(all.length - 1);
    expect((await operated.run('key list')).stdout).toMatch(
      /^FINGERPRINT +BLOCKED +NOTE\n[0-9a-f]{64} {2}[\d-]+T/,
    );

    expect(await operated.run(`key unblock ${hex('d')}`)).toEqual({
      code: 0,
      stdout: `key ${hex('d')} is not blocked any more\n`,
      stderr: '',
    });
    const again = await operated.run(`key unblock ${hex('d')}`);
    expect(again.stderr).toMatch(explained(/the key .* is not on the block-list/, 'key_not_blocked'));
  });
});

describe('gatehouse key fingerprint', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = join(folder, 'key.pem');

  it('prints it, and needs no server', async () => {
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const fingerprint = keyFingerprintOf(privateKey);
    expect(await gatehouse(['key', 'fingerprint', file])).toEqual({
      code: 0,
      stdout: `${fingerprint}\n`,
      stderr: '',
    });
    expect(JSON.parse((await gatehouse(['key', 'fingerprint', file, '--json'])).stdout)).toEqual({
      fingerprint,
    });
  });

  it('says so where there is no key in it', async () => {
    writeFileSync(file, 'hello');
    const { code, stderr } = await gatehouse(['key', 'fingerprint', file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(explained('neither PEM nor DER', 'key_file_invalid'));
  });
});
