/** The file itself: who may read it, which schema it has, and how it is read. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { connectReader, connectWriter } from '../../registry/sqlite/connection.ts';
import { openRegistry, openRegistryView } from '../../registry/sqlite/open.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { change, NOW, name, seed } from './samples.ts';

const clock = { now: () => NOW };
const folder = temporaryFolder();
let count = 0;
const newFile = () => {
  count += 1;
  return join(folder, `${count}`, 'registry.db');
};
const modeOf = (path: string) => statSync(path).mode & 0o777;

/** The file of a registry that was written and closed. */
async function writtenFile(): Promise<string> {
  const file = newFile();
  const registry = await openRegistry({ file, clock });
  await seed(registry);
  await registry.close();
  return file;
}

describe('a new registry', () => {
  it('is readable by its owner alone, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const file = newFile();
      const registry = await openRegistry({ file, clock });
      await seed(registry);
      expect(modeOf(join(file, '..'))).toBe(0o700);
      expect([file, `${file}-wal`, `${file}-shm`].map(modeOf)).toEqual([0o600, 0o600, 0o600]);
      await registry.close();
    } finally {
      process.umask(before);
    }
  });

  it('is one file again when it is closed', async () => {
    const file = await writtenFile();
    expect([file, `${file}-wal`, `${file}-shm`].map(existsSync)).toEqual([true, false, false]);
  });

  it('is written through a connection whose commits are on disk when they return', async () => {
    const database = connectWriter(await writtenFile());
    const setting = (pragma: string) => database.pragma(pragma, { simple: true });
    expect(setting('journal_mode')).toBe('wal');
    expect(setting('synchronous')).toBe(2); // FULL
    expect(setting('foreign_keys')).toBe(1);
    expect(setting('trusted_schema')).toBe(0);
    database.close();
  });
});

describe('a view', () => {
  it('opens while no writer runs, and sees the next one', async () => {
    const file = await writtenFile();
    const view = await openRegistryView({ file });
    expect(await view.groups()).toHaveLength(1);
    const registry = await openRegistry({ file, clock });
    await change(registry, (transaction) =>
      transaction.putPolicy({ name: name('late'), document: '{}', changedAt: NOW }),
    );
    expect(await view.policy(name('late'))).toBeDefined();
    await registry.close();
    expect(await view.policy(name('late'))).toBeDefined();
    await view.close();
  });

  it('is refused where there is no registry, and creates none', async () => {
    const file = newFile();
    await expect(openRegistryView({ file })).rejects.toMatchObject({ code: 'registry_schema' });
    expect(existsSync(file)).toBe(false);
  });

  it('has a connection that cannot write', async () => {
    const database = connectReader(await writtenFile());
    expect(() => database.exec('DELETE FROM devices')).toThrow('readonly');
    database.close();
  });
});

describe('a registry of another schema', () => {
  const withVersion = async (version: number) => {
    const file = await writtenFile();
    const database = new Sqlite(file);
    database.pragma(`user_version = ${version}`);
    database.close();
    return file;
  };

  it('is refused to a writer if it is newer, and left as it is', async () => {
    const file = await withVersion(99);
    await expect(openRegistry({ file, clock })).rejects.toMatchObject({ code: 'registry_schema' });
    const database = new Sqlite(file);
    expect(database.pragma('user_version', { simple: true })).toBe(99);
    database.close();
  });

  it.each([0, 99])('is refused to a view (version %d)', async (version) => {
    const file = await withVersion(version);
    await expect(openRegistryView({ file })).rejects.toMatchObject({ code: 'registry_schema' });
  });
});
