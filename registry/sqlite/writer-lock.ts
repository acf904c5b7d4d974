/**
 * The lock of the one process that may write: a transaction kept open on a database of its own, so that the
 * operating system releases it however the process ends.
 */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import Sqlite from 'better-sqlite3';

/** Not its group's either, whoever may read the registry: to read a file is enough to lock it, and keep enroll from starting. */
const MODE = 0o600;

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
 * One that is there is not opened, and a new one is closed before anything else happens: to close the file ends every lock that
 * this process has on it (POSIX, fcntl).
 */
function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, 'wx', MODE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if ((statSync(file).mode & 0o777 & ~MODE) !== 0) chmodSync(file, MODE);
  }
}
