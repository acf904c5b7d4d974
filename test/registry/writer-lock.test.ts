/** The lock of the one writer: who may reach it, and that nothing but its release ends it. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { lockForWriting } from '../../registry/sqlite/writer-lock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let count = 0;
/** In a folder of its own. */
function newFile(folderMode = 0o700): string {
  count += 1;
  const path = join(folder, `${count}`);
  mkdirSync(path);
  chmodSync(path, folderMode);
  return join(path, 'writer.lock');
}
const modeOf = (path: string) => statSync(path).mode & 0o777;

/** Whether another process would get it. */
function isFree(file: string): boolean {
  const script = `
    const database = new (require('better-sqlite3'))(process.argv[1], { timeout: 0 });
    try { database.exec('BEGIN EXCLUSIVE'); } catch { process.exit(3); }`;
  const { status } = spawnSync(process.execPath, ['-e', script, file], { encoding: 'utf8' });
  if (status !== 0 && status !== 3) throw new Error(`it ended with ${status}`);
  return status === 0;
}

describe('the file of the lock', () => {
  it('is open to its owner alone, whatever the umask', () => {
    const before = process.umask(0);
    try {
      const file = newFile();
      lockForWriting(file)?.();
      expect(modeOf(file)).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });

  it('is made so where an earlier version left it open to all', () => {
    const file = newFile();
    writeFileSync(file, '');
    chmodSync(file, 0o644);
    lockForWriting(file)?.();
    expect(modeOf(file)).toBe(0o600);
  });

  it("is not the group's either that the folder is shared with", () => {
    const file = newFile(0o750);
    writeFileSync(file, '');
    chmodSync(file, 0o666);
    lockForWriting(file)?.();
    expect(modeOf(file)).toBe(0o600);
  });
});

describe('the lock', () => {
  it('is held until it is released', () => {
    const file = newFile();
    const release = lockForWriting(file);
    expect(isFree(file)).toBe(false);
    release?.();
    expect(isFree(file)).toBe(true);
  });

  it('outlasts whoever asks for it in vain in the same process', () => {
    const file = newFile();
    const release = lockForWriting(file);
    chmodSync(file, 0o644);
    expect(lockForWriting(file)).toBeUndefined();
    expect(isFree(file)).toBe(false);
    release?.();
  });
});
