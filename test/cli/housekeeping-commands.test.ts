/** `gatehouse housekeeping …` and `journal verify --archives` against an enroll process with a past. */
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { readSettings } from '../../runtime/settings.ts';
import { SimulatedFleet } from '../housekeeping/simulated-fleet.ts';
import { someEvent } from '../registry/samples.ts';
import { runTestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Operated } from './operated.ts';
import { explained } from './transcript.ts';

const DAY = 86_400_000;
const folder = temporaryFolder();
let operated: Operated;
let archives: string;

/** Devices that enrolled two years ago, and a Gatehouse that has been at work until yesterday. */
beforeAll(async () => {
  const past = await SimulatedFleet.begin({
    folder,
    retention: null,
    beginning: Date.now() - 730 * DAY,
  });
  for (const id of ['old-1', 'old-2']) await past.enroll(id);
  await past.close();
  const { layout } = past;
  const registry = await openRegistry({
    file: layout.registry.database,
    clock: { now: () => Date.now() - DAY },
  });
  await registry.write('system', (transaction) => transaction.append(someEvent('yesterday')));
  await registry.close();
  const ports = { enrollPort: 0, statusPort: 0, adminPort: 0 };
  const host = { host: '127.0.0.1', hostname: 'localhost,127.0.0.1' };
  const settings = readSettings({ data: join(folder, 'data'), ...host, ...ports }, {});
  operated = new Operated(await runTestEnroll(settings, layout));
  archives = layout.archive;
});
afterAll(() => operated?.close());

describe('gatehouse housekeeping', () => {
  it('has run at the start, and says what has gone', async () => {
    const { lastRun, due, lastArchive } = await eventually(async () => {
      const status = await operated.json('housekeeping status');
      return status.running || status.lastRun === null ? undefined : status;
    });
    // Of two devices, and of the two listeners.
    expect(lastRun.certificates).toBeGreaterThanOrEqual(4);
    expect(lastRun).toMatchObject({ tokens: 2, tokenUses: 2, archives: 1, failure: null });
    expect(lastRun.journalRows).toBe(lastArchive.lastSeq);
    expect(due).toEqual({ certificates: 0, tokens: 0, requests: 0, journalRows: 0 });
    const listed = await operated.run('journal list');
    expect(listed.stderr).toMatch(/^rows 1 to \d+ have left the registry: .*DATA\/archive.*--archives/);
    expect((await operated.run('journal list --json')).stderr).toBe('');
    const { stdout } = await operated.run('housekeeping status');
    expect(stdout).toMatch(
      /^retention {4}365d: what ended before .*\ndue {10}certificates: 0, tokens: 0, requests: 0, journal rows: 0\nregistry {5}[\d.]+ MB, of which [\d.]+ MB are free\njournal {6}archived up to row \d+\nlast run {5}.*: removed certificates: \d+, tokens: 2, .*\n$/,
    );
  });

  it('leaves the devices enrolled', async () => {
    const { enrolledAt, certificates } = await operated.json('device show old-1');
    expect(Date.parse(enrolledAt)).toBeLessThan(Date.now() - 700 * DAY);
    expect(certificates).toEqual([]);
  });

  it('runs when it is told to, and waits for the end', async () => {
    expect(await operated.json('housekeeping run')).toMatchObject({ certificates: 0, failure: null });
    const { code, stdout } = await operated.run('housekeeping run');
    expect([code, stdout]).toEqual([0, 'removed certificates: 0, tokens: 0, requests: 0, journal rows: 0\n']);
  });

  it('is run by an operator, and seen by a viewer', async () => {
    const { token } = await operated.json('operator create looker --role viewer');
    const call = (method: 'GET' | 'POST', path: string) =>
      operated.enroll.operator(method, path, undefined, token);
    expect((await call('GET', '/housekeeping')).status).toBe(200);
    expect((await call('GET', '/journal/archives')).status).toBe(200);
    expect((await call('POST', '/housekeeping/run')).status).toBe(403);
  });

  it('is counted, and so is what the registry takes', async () => {
    const { body } = await operated.enroll.call<string>(`${operated.enroll.adminUrl}/metrics`, {
      headers: { authorization: `Bearer ${operated.enroll.adminToken}` },
    });
    expect(body).toMatch(/^gatehouse_registry_removed_total\{kind="tokens"\} 2$/m);
    expect(body).toMatch(/^gatehouse_registry_removed_total\{kind="journalRows"\} [1-9]\d*$/m);
    expect(body).toMatch(/^gatehouse_journal_archives_total 1$/m);
    expect(body).toMatch(/^gatehouse_registry_bytes [1-9]\d{4,}$/m);
    expect(body).toMatch(/^gatehouse_registry_free_bytes \d+$/m);
    expect(body).toMatch(/^gatehouse_housekeeping_failures_total 0$/m);
  });
});

describe('gatehouse journal verify', () => {
  it('says what it did not verify', async () => {
    const { code, stdout } = await operated.run('journal verify');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^the journal verifies from row \d+ on: \d+ rows\nnot verified: rows 1 to \d+, which are in 1 archives \(see --archives\)\nhead \d+:[0-9a-f]{64}\n$/,
    );
    expect(await operated.json('journal verify')).toMatchObject({ archives: 0, unreadArchives: 1 });
  });

  it('verifies all of it with the archives', async () => {
    const { stdout } = await operated.run(`journal verify --archives ${archives}`);
    expect(stdout).toMatch(/^the journal verifies: \d+ rows\nhead \d+:[0-9a-f]{64}\n$/);
    const { head, rows } = await operated.json(`journal verify --archives ${archives}`);
    expect(rows).toBe(head.seq);
  });

  it('tells of an archive that is not there', async () => {
    const [file = ''] = readdirSync(archives);
    renameSync(join(archives, file), join(folder, file));
    const { code, stdout, stderr } = await operated.run(`journal verify --archives ${archives}`);
    renameSync(join(folder, file), join(archives, file));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(explained(`${join(archives, file)} cannot be read`, 'archive_missing'));
  });

  it('tells that an old head needs them', async () => {
    const { stderr } = await operated.run(`journal verify --expect 1:${'a'.repeat(64)}`);
    expect(stderr).toMatch(explained(/row 1 is in an archive: .*/, 'archive_needed'));
  });
});
