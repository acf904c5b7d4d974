/** The folder by which the broker reports to enroll: what it writes, and what enroll makes of whatever it finds there. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  fileNameOf,
  MAX_FILE_BYTES,
  MAX_FILES,
  MAX_REPORTS,
  NUMBERS_AHEAD,
} from '../../registry/reports/folder.ts';
import { readNextReport } from '../../registry/reports/reader.ts';
import { parseReport, type Report } from '../../registry/reports/report.ts';
import { ReportWriter } from '../../registry/reports/writer.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { fingerprint } from './samples.ts';

const root = temporaryFolder();
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, String(++count));
});

const use = (label: string): Report => ({ kind: 'firstUse', fingerprint: fingerprint(label), time: 1 });
const sound = `${JSON.stringify(use('sound'))}\n`;

/** As a broker that was taken over puts it there. */
function put(name: string, content: string | Buffer): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), content);
}

describe('the writer', () => {
  it('numbers files on, and the reader takes them in their order', async () => {
    const writer = await ReportWriter.open(folder, 0);
    for (const label of ['a', 'b', 'c']) await writer.write([use(label)]);
    expect(readNextReport(folder, 0)).toEqual({ number: 1, reports: [use('a')], problem: null });
    expect(readNextReport(folder, 1)).toEqual({ number: 2, reports: [use('b')], problem: null });
    expect(readNextReport(folder, 3)).toBeUndefined();
  });

  it('removes what is taken in, and no more', async () => {
    const writer = await ReportWriter.open(folder, 0);
    for (const label of ['a', 'b', 'c']) await writer.write([use(label)]);
    await writer.prune(2);
    expect(readdirSync(folder)).toEqual([fileNameOf(3)]);
    await writer.prune(2);
    expect(writer.isWaiting).toBe(true);
    await writer.prune(3);
    expect(writer.isWaiting).toBe(false);
  });

  it.each([
    ['what is there', 0, ['0000000000000001.jsonl', '0000000000000007.jsonl'], 8],
    ['what the registry has, where the folder was lost', 41, [], 42],
    ['what the registry has, where the folder is older', 41, ['0000000000000007.jsonl'], 42],
    ['what the registry can have, where a number is beyond it', 0, [fileNameOf(NUMBERS_AHEAD + 1)], 1],
    ['the last number there is, where somebody claims that', 0, ['9007199254740991.jsonl'], 1],
  ])('goes on behind %s', async (_, taken, names, next) => {
    for (const name of names) put(name, sound);
    const writer = await ReportWriter.open(folder, taken);
    expect((await writer.write([use('x')])).number).toBe(next);
  });

  it('clears the folder of what a killed one left, and of what is not its own', async () => {
    put('unfinished', sound);
    put('1.jsonl', sound);
    mkdirSync(join(folder, 'folder'));
    await ReportWriter.open(folder, 0);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves what is too much for one file to the next', async () => {
    const writer = await ReportWriter.open(folder, 0);
    const many = Array.from({ length: MAX_REPORTS + 10 }, (_, index) => use(String(index)));
    expect((await writer.write(many)).written).toBe(MAX_REPORTS);
    expect(readNextReport(folder, 0)?.reports).toHaveLength(MAX_REPORTS);
    const long = Array.from({ length: 100 }, () => ({ ...use('x'), padding: 'x'.repeat(20_000) }));
    const { written, number } = await writer.write(long);
    expect(written).toBeLessThan(60);
    expect(statSync(join(folder, fileNameOf(number))).size).toBeLessThanOrEqual(MAX_FILE_BYTES);
  });

  it('has room again once enroll has read', async () => {
    const writer = await ReportWriter.open(folder, 0);
    while (writer.hasRoom) await writer.write([use('x')]);
    expect(readdirSync(folder)).toHaveLength(MAX_FILES);
    await writer.prune(1);
    expect(writer.hasRoom).toBe(true);
  });

  it('keeps its files to itself, or to the group of the folder', async () => {
    await (await ReportWriter.open(folder, 0)).write([use('a')]);
    const modeOf = (path: string) => statSync(path).mode & 0o777;
    expect([folder, join(folder, fileNameOf(1))].map(modeOf)).toEqual([0o700, 0o600]);
    folder = join(root, 'shared');
    mkdirSync(folder, { mode: 0o750 });
    await (await ReportWriter.open(folder, 0)).write([use('a')]);
    expect(modeOf(join(folder, fileNameOf(1)))).toBe(0o640);
  });
});

describe('the reader', () => {
  it('finds nothing where there is no folder yet', () => {
    expect(readNextReport(folder, 0)).toBeUndefined();
  });

  it('does not see a file that is being written, nor anything with another name', () => {
    for (const name of ['unfinished', '1.jsonl', '0000000000000001.json', 'x0000000000000001.jsonl'])
      put(name, sound);
    expect(readNextReport(folder, 0)).toBeUndefined();
  });

  it('takes the sound lines of a file that has others', () => {
    put(fileNameOf(1), `{}\n${sound}[[[\n\u0000\n${sound.replace('firstUse', 'other')}${sound}`);
    expect(readNextReport(folder, 0)).toMatchObject({
      number: 1,
      reports: [use('sound'), use('sound')],
      problem: expect.stringContaining('4 of its lines'),
    });
  });

  it.each([
    ['too large', () => truncateSync(join(folder, fileNameOf(1)), MAX_FILE_BYTES + 1), 'bytes'],
    [
      'a folder',
      () => {
        rmSync(join(folder, fileNameOf(1)));
        mkdirSync(join(folder, fileNameOf(1)));
      },
      'is not a file',
    ],
    [
      'a link',
      () => {
        rmSync(join(folder, fileNameOf(1)));
        symlinkSync('/dev/zero', join(folder, fileNameOf(1)));
      },
      'ELOOP',
    ],
  ])('passes over a file that is %s', (_, spoil, problem) => {
    put(fileNameOf(1), '');
    put(fileNameOf(2), sound);
    spoil();
    expect(readNextReport(folder, 0)).toEqual({
      number: 1,
      reports: [],
      problem: expect.stringContaining(problem),
    });
    expect(readNextReport(folder, 1)?.reports).toEqual([use('sound')]);
  });

  it('reads no more lines than a report has, however short they are', () => {
    put(fileNameOf(1), '1\n'.repeat(MAX_FILE_BYTES / 2));
    expect(readNextReport(folder, 0)).toMatchObject({
      reports: [],
      problem: expect.stringContaining('too many'),
    });
  });

  it('is not kept busy by a line that is nested as deep as it is long', () => {
    put(fileNameOf(1), `${'['.repeat(MAX_FILE_BYTES - 100)}\n`);
    expect(readNextReport(folder, 0)).toMatchObject({ reports: [], problem: expect.any(String) });
  });

  it('does not list a folder that has more in it than a broker leaves', () => {
    for (let index = 0; index <= 8 * MAX_FILES; index++) put(`x${index}`, '');
    expect(() => readNextReport(folder, 0)).toThrow('entries');
  });
});

describeWith(['mkfifo'], 'a pipe in the place of a report', () => {
  it('keeps enroll waiting for nothing', () => {
    // In a process of its own: who waits for a pipe cannot be told to stop.
    mkdirSync(folder);
    execFileSync('mkfifo', [join(folder, fileNameOf(1))]);
    const reader = pathToFileURL(resolve('dist/registry/reports/reader.js')).href;
    const script = `import { readNextReport } from '${reader}'; console.log(JSON.stringify(readNextReport(process.argv[1], 0)));`;
    const { stdout, signal } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', script, folder],
      { timeout: 60_000, encoding: 'utf8' },
    );
    expect(signal).toBeNull();
    expect(JSON.parse(stdout)).toMatchObject({
      number: 1,
      reports: [],
      problem: expect.stringContaining('is not a file'),
    });
    expect(existsSync(join(folder, fileNameOf(1)))).toBe(true);
  });
});

describe('a report', () => {
  const refusal = {
    kind: 'refusal',
    device: 'pump',
    action: 'publish',
    rule: 'publish_denied',
    topic: 'a',
    detail: 'd',
    serialNumber: null,
    clientId: null,
    address: '',
    count: 1,
    firstAt: 0,
    lastAt: 0,
  };

  it('is what its kind says', () => {
    expect(parseReport(JSON.stringify(refusal))).toEqual(refusal);
  });

  it.each<[string, object]>([
    ['of another kind', { kind: 'device' }],
    ['about no device ID', { device: '../x' }],
    ['about no device ID, in a line', { device: 'pump\n' }],
    ['by no rule', { rule: '__proto__' }],
    ['of no action', { action: 'constructor' }],
    ['with a topic beyond its length', { topic: 'x'.repeat(257) }],
    ['with a text beyond its length', { detail: 'x'.repeat(385) }],
    ['with a count of none', { count: 0 }],
    ['with a count that no broker comes to', { count: 1e12 }],
    ['with a time that is no time', { lastAt: 8.64e15 + 1 }],
    ['with a time that is no number', { lastAt: 'now' }],
    ['with a time before the epoch', { firstAt: -1 }],
    ['with more to say', { more: true }],
  ])('%s is none', (_, change) => {
    expect(parseReport(JSON.stringify({ ...refusal, ...change }))).toBeUndefined();
  });

  it('is read or not, and nothing is thrown', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((json) => `{"kind":"run","x":${json}}`),
        ),
        (line) => {
          parseReport(line);
        },
      ),
    );
  });
});
