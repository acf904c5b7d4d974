/**
 * A folder of its own for a test file, removed when the file's tests are done. It is in memory where there is room: a third of
 * the time of tests would go into waiting for the disk, and what a killed process has written is there afterwards all the same.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

const MEMORY = '/dev/shm';
/** Bytes: containers have 64 MiB there, which is too little. */
const ROOM = 1024 ** 3;

/** Where temporary folders are made. */
export const temporaryFolders = hasMemory() ? MEMORY : tmpdir();

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(temporaryFolders, 'gatehouse-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Tests put programs of their own into folders, which `noexec` would keep from running. */
function hasMemory(): boolean {
  if (!existsSync(MEMORY)) return false;
  const { bavail, bsize } = statfsSync(MEMORY);
  const mount = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[1] === MEMORY);
  return bavail * bsize >= ROOM && mount?.includes('noexec') === false;
}
