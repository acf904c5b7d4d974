/** Archiving that is killed before each of its steps: no row is lost, and none is there twice. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { verifyWhole } from './journal-source.ts';
import { archiveNow, BEFORE, fill, LATER, OLD_ROWS, openLater, YOUNG_ROWS } from './old-journal.ts';

const folder = temporaryFolder();
const script = join(import.meta.dirname, 'child', 'die-while-archiving.mjs');
const ROWS = OLD_ROWS + YOUNG_ROWS;

interface Paths {
  readonly file: string;
  readonly archive: string;
}

async function begin(name: string): Promise<Paths> {
  const paths = { file: join(folder, name, 'registry.db'), archive: join(folder, name, 'archive') };
  await fill(paths.file);
  return paths;
}

/** @returns the number of its steps, or undefined where it was killed */
function archiveAndDie({ file, archive }: Paths, step: number): Promise<number | undefined> {
  const args = [script, file, archive, String(step), String(LATER), String(BEFORE)];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, (error, stdout, stderr) => {
      if (error?.signal === 'SIGKILL') resolve(undefined);
      else if (error) reject(new Error(stderr));
      else resolve(Number(stdout));
    });
  });
}

/** From the first row to the last one, wherever they are. @returns how many archives are recorded */
async function expectWhole({ file, archive }: Paths): Promise<number> {
  const view = await openRegistryView({ file });
  try {
    const { head, from, archives } = await verifyWhole(view, archive);
    // An archive brings a row that tells of it.
    expect([from, head.seq]).toEqual([1, ROWS + archives]);
    return archives;
  } finally {
    await view.close();
  }
}

/** What the next run makes of it. */
async function expectPutRight(paths: Paths): Promise<void> {
  const registry = await openLater(paths.file);
  try {
    await archiveNow(registry, paths.archive);
    const archives = await registry.journalArchives(0, 10);
    expect(archives).toHaveLength(1);
    expect(readdirSync(paths.archive)).toEqual(archives.map(({ file }) => file));
    const left = await registry.journal(0, 100);
    expect(left.map(({ seq }) => seq)).toEqual([21, 22, 23, 24, 25, 26]);
  } finally {
    await registry.close();
  }
  await expectWhole(paths);
}

describe('archiving', () => {
  let steps = 0;
  beforeAll(async () => {
    const paths = await begin('whole');
    steps = (await archiveAndDie(paths, 0)) ?? 0;
    expect(await expectWhole(paths)).toBe(1);
  });

  it('loses nothing and doubles nothing, whichever of its steps is its last', async () => {
    expect(steps).toBeGreaterThan(12);
    let recorded = 0;
    for (let step = 1; step <= steps; step++) {
      const paths = await begin(`killed before ${step}`);
      expect(await archiveAndDie(paths, step)).toBeUndefined();
      recorded += await expectWhole(paths);
      await expectPutRight(paths);
    }
    // There were kills before the record, and after it.
    expect(recorded).toBeGreaterThan(0);
    expect(recorded).toBeLessThan(steps);
  });

  it('comes to its end after a kill at each step in turn', async () => {
    const paths = await begin('killed over and over');
    for (let step = 1; step <= steps; step += 3) {
      await archiveAndDie(paths, step);
      await expectWhole(paths);
    }
    await expectPutRight(paths);
    expect(existsSync(join(paths.archive, 'journal.tmp'))).toBe(false);
  });
});
