/**
 * The lock of the one process that may write: a transaction kept open on a database of its own, so that the
 * operating system releases it however the process ends.
 */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { fileModeIn } from './file-mode.ts';

/**
 * @param file in a folder that is there
 * @returns the function that releases it; undefined where another process has it
 */
export function lockForWriting(file: string): (() => void) | undefined {
  createPrivately(file);
  const database = new Sqlite(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return () => database.close();
  } catch (error) {
    database.close();
    if ((error as { code?: unknown }).code === 'SQLITE_BUSY') return undefined;
    throw error;
  }
}

/**
 * Whoever may read the file could lock it, and keep enroll from starting. One that is there is not opened, and a new one closed
 * before anything else happens: to close it would end every lock that this process has on it (POSIX, fcntl).
 */
function createPrivately(file: string): void {
  const mode = fileModeIn(dirname(file));
  try {
    closeSync(openSync(file, 'wx', mode));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if ((statSync(file).mode & 0o777 & ~mode) !== 0) chmodSync(file, mode);
  }
}
