/** The journal's archives: what is in them, who may read them, and what they leave in the registry. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { archiveName } from '../../core/journal/archive.ts';
import { verifyChain } from '../../core/journal/chain.ts';
import { ArchiveFolder } from '../../enroll/housekeeping/archive-folder.ts';
import { countDueRows } from '../../enroll/housekeeping/archive-journal.ts';
import type { JournalArchiveRecord } from '../../registry/records.ts';
import { NOW, someEvent } from '../registry/samples.ts';
import {
  count,
  DAY,
  file,
  folder,
  onlyArchive,
  registry,
  reopen,
  seqs,
  within,
} from './archived-registry.ts';
import { verifyWhole } from './journal-source.ts';
import { archiveNow, BEFORE, fill, LATER, OLD_ROWS, YOUNG_ROWS } from './old-journal.ts';

describe('an archive', () => {
  it('has its rows as they were, in a file of its owner alone that is recorded and told of', async () => {
    const rows = await registry.journal(0, OLD_ROWS);
    expect(await archiveNow(registry, folder)).toEqual({ archives: 1, rows: OLD_ROWS });
    const archive = await onlyArchive();
    const bytes = readFileSync(join(folder, archive.file));
    const lines = gunzipSync(bytes).toString().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(rows);
    const lastHash = rows.at(-1)?.hash;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const bounds = { firstSeq: 1, lastSeq: OLD_ROWS, lastHash };
    expect(archive).toEqual({
      ...bounds,
      file: archive.file,
      sha256,
      bytes: bytes.length,
      archivedAt: LATER,
    });
    expect(archive.file).toBe(`journal-0000000001-0000000020-${lastHash?.slice(0, 16)}.jsonl.gz`);
    expect([statSync(folder).mode & 0o777, statSync(join(folder, archive.file)).mode & 0o777]).toEqual([
      0o700, 0o600,
    ]);
    const left = await registry.journal(0, 100);
    expect(left.map(({ seq }) => seq)).toEqual([21, 22, 23, 24, 25, 26]);
    expect(left.at(-1)?.event).toEqual({
      action: 'journal.archived',
      subject: archive.file,
      data: { ...bounds, sha256 },
    });
  });

  it('is foretold by the number of its rows', async () => {
    const terms = { registry, clock: { now: () => LATER } };
    expect(await countDueRows({ ...terms, before: BEFORE })).toBe(OLD_ROWS);
    expect(await countDueRows({ ...terms, before: 0 })).toBe(0);
    await archiveNow(registry, folder);
    expect(await countDueRows({ ...terms, before: BEFORE })).toBe(0);
  });

  it('is one of several where there are many rows, each following the one before', async () => {
    expect(await archiveNow(registry, folder, { maxRows: 8 })).toEqual({ archives: 3, rows: OLD_ROWS });
    const archives = await registry.journalArchives(0, 10);
    expect(archives.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 8],
      [9, 16],
      [17, 20],
    ]);
    expect(await registry.journalArchives(8, 1)).toEqual([archives[1]]);
    expect(await registry.lastJournalArchive()).toEqual(archives[2]);
    expect(await verifyWhole(registry, folder)).toMatchObject({ from: 1, archives: 3 });
  });

  it('is not written for a few rows that have just come of age', async () => {
    expect(await archiveNow(registry, folder, { before: NOW + DAY })).toEqual({ archives: 0, rows: 0 });
    expect(await archiveNow(registry, folder, { before: NOW + 7 * DAY })).toMatchObject({ archives: 1 });
    expect(await archiveNow(registry, folder, { before: NOW + 7 * DAY })).toEqual({ archives: 0, rows: 0 });
  });

  it('is written for as many as fill it as soon as they have come of age', async () => {
    expect(await archiveNow(registry, folder, { before: NOW, maxRows: 8 })).toEqual({
      archives: 2,
      rows: 16,
    });
  });

  it('never has the newest row, however old', async () => {
    await archiveNow(registry, folder, { before: LATER + 30 * DAY });
    expect((await registry.journal(0, 100)).map(({ event }) => event.action)).toEqual([
      'key.blocked',
      'journal.archived',
    ]);
    // That row is as old, and the row that follows keeps the chain.
    await registry.write('system', (transaction) => transaction.append(someEvent('later')));
    expect(await verifyWhole(registry, folder)).toMatchObject({
      from: 1,
      head: { seq: OLD_ROWS + YOUNG_ROWS + 2 },
    });
  });

  it('takes rows along that were written while the clock was wrong', async () => {
    await registry.close();
    const wrong = { now: () => LATER + 3_650 * DAY };
    const name = join(within, `${count}`, 'other.db');
    await fill(name);
    const { openRegistry } = await import('../../registry/sqlite/open.ts');
    for (const clock of [wrong, { now: () => LATER }]) {
      const other = await openRegistry({ file: name, clock });
      await other.write('system', (transaction) => transaction.append(someEvent('odd')));
      await other.close();
    }
    await reopen(name);
    await archiveNow(registry, folder, { before: LATER });
    expect(await seqs()).toEqual([OLD_ROWS + YOUNG_ROWS + 2, OLD_ROWS + YOUNG_ROWS + 3]);
  });

  it('is not made of a journal that does not verify: its rows stay as they were found', async () => {
    await registry.close();
    const database = new Sqlite(file);
    database.exec(`DROP TRIGGER journalIsNotEdited; UPDATE journal SET actor = 'operator:x' WHERE seq = 7`);
    database.close();
    await reopen();
    await expect(archiveNow(registry, folder)).rejects.toMatchObject({ code: 'journal_broken' });
    expect(await seqs()).toHaveLength(OLD_ROWS + YOUNG_ROWS);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('costs no row where it cannot be written', async () => {
    writeFileSync(folder, 'not a folder');
    await expect(archiveNow(registry, folder)).rejects.toHaveProperty('code', 'ENOTDIR');
    rmSync(folder);
    mkdirSync(folder);
    if (process.getuid?.() !== 0) {
      chmodSync(folder, 0o500);
      await expect(archiveNow(registry, folder)).rejects.toHaveProperty('code', 'EACCES');
      chmodSync(folder, 0o700);
    }
    expect(await seqs()).toHaveLength(OLD_ROWS + YOUNG_ROWS);
  });

  it('takes the place of one that was written and never recorded, and ended elsewhere', async () => {
    const rows = await registry.journal(0, 8);
    const { file } = await new ArchiveFolder(folder).write(Readable.from(rows), 1, () => verifyChain(rows));
    expect(readdirSync(folder)).toEqual([file]);
    await archiveNow(registry, folder);
    expect(readdirSync(folder)).toEqual([(await onlyArchive()).file]);
    expect(await verifyWhole(registry, folder)).toMatchObject({ from: 1, archives: 1 });
  });

  it('of another history is left alone', async () => {
    mkdirSync(folder);
    const foreign = archiveName(1, { seq: 20, hash: 'f'.repeat(64) });
    writeFileSync(join(folder, foreign), 'kept by a registry that was restored from a backup since');
    await archiveNow(registry, folder);
    expect(readdirSync(folder).sort()).toEqual([foreign, (await onlyArchive()).file].sort());
  });
});

describe('the registry', () => {
  const sql = (statement: string) => () => {
    const database = new Sqlite(file);
    try {
      database.exec(statement);
    } finally {
      database.close();
    }
  };

  it.each([
    ['a row that no archive has', 'DELETE FROM journal WHERE seq = 21'],
    ['all rows', 'DELETE FROM journal'],
    ['an archive', 'DELETE FROM journalArchives'],
  ])('refuses to forget %s', async (_what, statement) => {
    await archiveNow(registry, folder);
    expect(sql(statement)).toThrow(/append-only/);
    expect(await seqs()).toEqual([21, 22, 23, 24, 25, 26]);
  });

  it('refuses to change what it knows of an archive', async () => {
    await archiveNow(registry, folder);
    expect(sql(`UPDATE journalArchives SET sha256 = ''`)).toThrow(/append-only/);
  });

  const bounds = async (change: Partial<JournalArchiveRecord>): Promise<JournalArchiveRecord> => {
    const [row] = await registry.journal(9, 1);
    const lastHash = row?.hash ?? '';
    const rest = { file: 'x', sha256: 'x', bytes: 1, archivedAt: LATER };
    return { firstSeq: 1, lastSeq: 10, lastHash, ...rest, ...change };
  };
  const record = async (change: Partial<JournalArchiveRecord> = {}) => {
    const archive = await bounds(change);
    return registry.write('system', async (transaction) => {
      await transaction.housekeeping.insertJournalArchive(archive);
      await transaction.append(someEvent());
    });
  };

  it.each([
    ['that does not begin with the first row', { firstSeq: 2 }],
    ['whose last hash is not that of its last row', { lastHash: 'f'.repeat(64) }],
    ['of rows that are not there', { lastSeq: 99 }],
    ['that ends before it begins', { firstSeq: 1, lastSeq: 0 }],
  ])('refuses an archive %s', async (_what, change) => {
    await expect(record(change)).rejects.toHaveProperty('message');
    expect(await registry.lastJournalArchive()).toBeUndefined();
  });

  it('refuses an archive with the newest row', async () => {
    const [newest] = await registry.journal(24, 1);
    const archive = { lastSeq: 25, lastHash: newest?.hash ?? '' };
    await expect(record(archive)).rejects.toMatchObject({ message: expect.stringContaining('archive') });
  });

  it('drops rows from the first one on, and none that is not archived', async () => {
    await record();
    expect(sql('DELETE FROM journal WHERE seq = 5')).toThrow(/append-only/);
    const drop = (limit: number) =>
      registry.write('system', ({ housekeeping }) => housekeeping.dropArchivedRows(limit));
    expect([await drop(4), (await seqs())[0]]).toEqual([4, 5]);
    expect([await drop(100), (await seqs())[0]]).toEqual([6, 11]);
    expect(await drop(100)).toBe(0);
  });

  it('still tells a change that no event tells of from rows that are dropped', async () => {
    await expect(
      registry.write('system', async ({ housekeeping }) => {
        const [row] = await registry.journal(9, 1);
        const rest = { file: 'x', sha256: 'x', bytes: 1, archivedAt: LATER };
        await housekeeping.insertJournalArchive({
          firstSeq: 1,
          lastSeq: 10,
          lastHash: row?.hash ?? '',
          ...rest,
        });
      }),
    ).rejects.toThrow(/appended no event/);
  });
});
