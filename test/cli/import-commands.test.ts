/** `gatehouse device import` and `device create` against a real enroll process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { executable } from '../support/gatehouse.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Operated } from './operated.ts';
import { type SmallServer, startSmallServer } from './small-server.ts';
import { errorCode, explained, gatehouse } from './transcript.ts';

const folder = temporaryFolder();
let operated: Operated;
beforeAll(async () => {
  operated = await Operated.start(folder);
});
afterAll(() => operated.close());

function fileOf(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
const idsOf = (devices: readonly { id: string }[]) => devices.map(({ id }) => id);

describe('gatehouse device import', () => {
  it('takes CSV as spreadsheets write it, and tells how many there were', async () => {
    const csv =
      '\ufeffattr.site,id,group,attr.note\r\nZürich,csv-1,devices,"a ""b"", c"\r\n,csv-2,services,\r\n';
    const file = fileOf('fleet.CSV', csv);
    expect(await operated.run(`device import ${file}`)).toEqual({
      code: 0,
      stdout: 'devices: 2 imported, 0 unchanged\n',
      stderr: '',
    });
    const device = await operated.json('device show csv-1');
    expect([device.attributes, device.enrolledAt]).toEqual([{ site: 'Zürich', note: 'a "b", c' }, null]);
    expect(await operated.json(`device import ${file}`)).toEqual({
      imported: 0,
      unchanged: 2,
      updated: 0,
      dryRun: false,
    });
  });

  it('takes JSON lines, tries them first, and updates where it may', async () => {
    const lines =
      '{"id":"jl-1","group":"devices","attributes":{"site":"a"}}\r\n\n{"id":"csv-2","group":"devices"}';
    const file = fileOf('fleet.jsonl', lines);
    expect((await operated.run(`device import ${file} --update --dry-run`)).stdout).toBe(
      'dry run, devices: 1 to import, 1 to update, 0 unchanged\n',
    );
    const { code, stdout, stderr } = await operated.run(`device import ${file}`);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      [
        'error: 1 line is refused, and nothing was imported',
        '  line 3: device "csv-2" exists, in group "services" (device_exists)',
        'code: import_refused',
        'what to do: Correct the lines that are named and import the whole file again.',
        '',
      ].join('\n'),
    );
    expect((await operated.run(`device import ${file} --update`)).stdout).toBe(
      'devices: 1 imported, 1 updated, 0 unchanged\n',
    );
  });

  it('tells errors by the lines of the file, at most twenty, also for programs', async () => {
    const rows = Array.from({ length: 30 }, (_, index) => `"bad\r\n${index}",devices`);
    const file = fileOf('bad.csv', `id,group\r\n${rows.join('\r\n')}\r\n`);
    const { stderr } = await operated.run(`device import ${file}`);
    expect(stderr).toContain(
      'error: 30 lines are refused, and nothing was imported\n  line 2: "bad\\r\\n0" is not',
    );
    expect(stderr).toContain('  line 4: "bad\\r\\n1" is not a device ID (device_id_invalid)\n');
    expect(stderr).toContain('\n  and 10 more\ncode: import_refused\n');
    const forPrograms = await operated.run(`device import ${file} --json`);
    expect([forPrograms.code, forPrograms.stdout]).toEqual([1, '']);
    const { error } = JSON.parse(forPrograms.stderr);
    expect([error.code, error.errors.length, error.errorCount]).toEqual(['import_refused', 20, 30]);
    expect(error.errors[1]).toEqual({
      line: 4,
      code: 'device_id_invalid',
      detail: '"bad\\r\\n1" is not a device ID',
    });
  });

  it.each([
    ['that is not CSV', 'x.csv', 'id,group\na"b,devices\nc\n', 'csv_invalid'],
    ['without the columns', 'y.csv', 'name\na\n', 'csv_invalid'],
    ['that is empty', 'empty.csv', '', 'csv_invalid'],
    ['that is not UTF-8', 'z.csv', Buffer.from('id,group\n\u00e9,devices', 'latin1'), 'file_unreadable'],
  ])('sends nothing of a file %s', async (_what, name, content, code) => {
    const head = (await operated.json('journal list')).at(-1).seq;
    const {
      code: exit,
      stdout,
      stderr,
    } = await operated.run(`device import ${fileOf(name, content)} --json`);
    expect([exit, stdout, errorCode(stderr) ?? JSON.parse(stderr).error.code]).toEqual([1, '', code]);
    expect((await operated.json('journal list')).at(-1).seq).toBe(head);
  });

  it('says so where the file is not there, and where its format cannot be told', async () => {
    const missing = await operated.run('device import nowhere.csv');
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(explained(/.*nowhere\.csv is not there/, 'file_unreadable'));
    const { code, stderr } = await operated.run(`device import ${fileOf('fleet.txt', '')}`);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      explained(/the name of .*fleet\.txt does not tell its format: give --format/, 'usage_invalid'),
    );
  });

  it('reads standard input', async () => {
    const args = [
      'device',
      'import',
      '-',
      '--format',
      'csv',
      '--json',
      '--data',
      operated.enroll.settings.data,
    ];
    const child = spawn(process.execPath, [executable, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end('group,id\ndevices,piped\n');
    const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    expect(JSON.parse(output)).toMatchObject({ imported: 1 });
  });

  it('shows people how far it is, beside the result, and leaves nothing of it', async () => {
    const rows = Array.from({ length: 3_000 }, (_, index) => `watched-${index},devices`);
    const file = fileOf('watched.csv', `id,group\n${rows.join('\n')}`);
    const watched = await operated.run(`device import ${file}`, { errorTerminal: true });
    expect(watched.stdout).toBe('devices: 3,000 imported, 0 unchanged\n');
    const [first, drawn, ...rest] = watched.stderr.split('\r');
    expect([first, drawn, rest.at(-1)]).toEqual(['', 'sending: 0 of 163 KB (0 %)\x1b[K', '\x1b[K']);
    const json = await operated.run(`device import ${file} --json`, { errorTerminal: true });
    expect(JSON.parse(json.stdout)).toMatchObject({ unchanged: 3_000 });
    expect((await operated.run(`device import ${file}`)).stderr).toBe('');
  });

  it('is found in the journal by the ID of the device', async () => {
    const rows = await operated.json('journal list --about jl-1');
    expect(
      rows.map(({ actor, event }: { actor: string; event: { action: string } }) => [actor, event.action]),
    ).toEqual([['operator:admin', 'devices.imported']]);
    expect((await operated.run('journal list --about jl-1')).stdout).toMatch(
      / devices\.imported +devices +count=1 devices=jl-1\n$/,
    );
  });
});

describe('a server that ends the answer before its end', () => {
  const file = () => fileOf('one.csv', 'id,group\na,b\n');
  let server: SmallServer;
  afterEach(() => server.close());

  async function importFrom(answer: (response: ServerResponse) => void) {
    server = await startSmallServer((request, response) => {
      request.resume().on('end', () => answer(response));
    });
    const connection = ['--url', server.url, '--token', 'x', '--ca', fileOf('small.pem', server.root)];
    const { code, stdout, stderr } = await gatehouse(['device', 'import', file(), ...connection, '--json']);
    return [code, stdout, errorCode(stderr)];
  }

  it.each([
    ['well', '{"written":0,"of":1}\n'],
    ['within a line', '{"written":0,"of":1}\n{"resu'],
  ])('%s leaves it open, and says what to do', async (_how, text) => {
    expect(await importFrom((response) => response.end(text))).toEqual([1, '', 'answer_incomplete']);
  });

  it('by breaking the connection does so too', async () => {
    const answer = (response: ServerResponse) =>
      response.write('{"written":0,"of":1}\n', () => response.destroy());
    expect(await importFrom(answer)).toEqual([1, '', 'answer_incomplete']);
  });
});

describe('gatehouse device create', () => {
  it('makes one known, which has not enrolled until it does', async () => {
    const { code, stdout } = await operated.run('device create made-1 --group services --attr site=north');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^ID +made-1\nstatus +active\ngroup +services\nattributes +site=north\ncreated +.*Z\n/,
    );
    expect(stdout).toMatch(/\nenrolled +-\n/);
    expect(idsOf(await operated.json('device list --not-enrolled --group services'))).toEqual(['made-1']);
    expect((await operated.run('device list --group services')).stdout).toMatch(
      /^made-1 .* - +[\d-]+T.*Z +-$/m,
    );
    await operated.enrollDevices('made-1');
    expect(await operated.json('device list --not-enrolled --group services')).toEqual([]);
    expect(Date.parse((await operated.json('device show made-1')).enrolledAt)).toBeGreaterThan(0);
  });

  it('is refused where the device is there with other attributes', async () => {
    const { code, stderr } = await operated.run('device create made-1 --group services --attr site=south');
    expect(code).toBe(1);
    expect(stderr).toMatch(explained('device "made-1" exists, with other attributes', 'device_exists'));
  });
});
