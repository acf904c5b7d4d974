/** A folder of its own for a test file, removed when the file's tests are done. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

/** For tests that write so often that they would wait for the disk alone. */
export const inMemory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export function temporaryFolder(within: string = tmpdir()): string {
  const folder = mkdtempSync(join(within, 'gatehouse-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
