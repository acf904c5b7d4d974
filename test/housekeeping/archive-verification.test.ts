/** What is told of archives of the journal that are not as they were written. */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { verifyArchivedJournal } from '../../cli/archived-journal.ts';
import { type ChainHead, verifyChain } from '../../core/journal/chain.ts';
import { NOW, someEvent } from '../registry/samples.ts';
import { DAY, folder, onlyArchive, registry } from './archived-registry.ts';
import { journalSource } from './journal-source.ts';
import { archiveNow, BEFORE, LATER, OLD_ROWS, YOUNG_ROWS } from './old-journal.ts';

describe('verifying', () => {
  let path: string;
  let head: ChainHead;
  beforeEach(async () => {
    head = verifyChain(await registry.journal(0, OLD_ROWS));
    await archiveNow(registry, folder);
    path = join(folder, (await onlyArchive()).file);
  });
  const verify = (terms: { folder?: string; expected?: ChainHead }) =>
    verifyArchivedJournal(journalSource(registry), { folder: undefined, expected: undefined, ...terms });

  it('without the archives begins behind them, and says so', async () => {
    expect(await verify({})).toMatchObject({ from: OLD_ROWS + 1, archives: 0, unread: 1 });
  });

  it('tells of an archive that is missing', async () => {
    rmSync(path);
    await expect(verify({ folder })).rejects.toMatchObject({
      code: 'archive_missing',
      message: expect.stringContaining(path),
    });
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['cut off', (bytes) => bytes.subarray(0, -1)],
    ['emptied', () => Buffer.alloc(0)],
    ['written anew with one row changed', (bytes) => edited(bytes, 'system', 'operator:x')],
  ])('tells of an archive that was %s', async (_how, change) => {
    writeFileSync(path, change(readFileSync(path)));
    await expect(verify({ folder })).rejects.toMatchObject({ code: 'archive_damaged' });
  });

  it('finds a row that was changed even where the registry has the SHA-256 of the changed file', async () => {
    writeFileSync(path, edited(readFileSync(path), 'system', 'operator:x'));
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    const source = journalSource(registry);
    const forged = {
      ...source,
      archives: async () => (await source.archives()).map((archive) => ({ ...archive, sha256 })),
    };
    await expect(verifyArchivedJournal(forged, { folder, expected: undefined })).rejects.toMatchObject({
      code: 'journal_broken',
      message: expect.stringContaining('journal row 1 '),
    });
  });

  it('finds an archive of which the journal does not tell', async () => {
    const source = journalSource(registry);
    const forged = {
      ...source,
      archives: async () =>
        (await source.archives()).map((archive) => ({ ...archive, sha256: 'f'.repeat(64) })),
    };
    await expect(
      verifyArchivedJournal(forged, { folder: undefined, expected: undefined }),
    ).rejects.toMatchObject({ code: 'journal_broken' });
  });

  it.each(['../../etc/passwd', 'journal.tmp'])('reads no file called %s', async (name) => {
    const source = journalSource(registry);
    const forged = {
      ...source,
      archives: async () => (await source.archives()).map((archive) => ({ ...archive, file: name })),
    };
    await expect(verifyArchivedJournal(forged, { folder, expected: undefined })).rejects.toMatchObject({
      code: 'archive_damaged',
    });
  });

  it('holds a head that was noted before its row was archived', async () => {
    const noted = { seq: 7, hash: (await archivedRow(7)).hash };
    expect(await verify({ folder, expected: noted })).toMatchObject({ from: 1 });
    await expect(verify({ folder, expected: { ...noted, hash: 'f'.repeat(64) } })).rejects.toMatchObject({
      code: 'journal_broken',
    });
    await expect(verify({ expected: noted })).rejects.toMatchObject({ code: 'archive_needed' });
    expect(await verify({ expected: head })).toMatchObject({ from: OLD_ROWS + 1 });
    await expect(verify({ expected: { ...head, hash: 'f'.repeat(64) } })).rejects.toMatchObject({
      code: 'journal_broken',
    });
  });

  it('begins anew where rows are archived while it reads', async () => {
    const source = journalSource(registry);
    let archived = false;
    const moving = {
      ...source,
      async *rows(after: number) {
        if (!archived) {
          archived = true;
          await registry.write('system', (transaction) => transaction.append(someEvent('one more')));
          await archiveNow(registry, folder, { before: LATER + 30 * DAY });
        }
        yield* source.rows(after);
      },
    };
    const { from, unread } = await verifyArchivedJournal(moving, { folder: undefined, expected: undefined });
    expect([from, unread]).toEqual([OLD_ROWS + YOUNG_ROWS + 2, 2]);
  });

  async function archivedRow(seq: number): Promise<ChainHead> {
    const lines = gunzipSync(readFileSync(path)).toString().split('\n');
    return JSON.parse(lines[seq - 1] ?? '') as ChainHead;
  }
});

/** The archive with the first `before` in it made `after`. */
function edited(bytes: Buffer, before: string, after: string): Buffer {
  return gzipSync(gunzipSync(bytes).toString().replace(before, after));
}

it('the time up to which rows go lies between the two', () => {
  expect([NOW < BEFORE, BEFORE < LATER]).toEqual([true, true]);
});
