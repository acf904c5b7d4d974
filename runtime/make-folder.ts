/**
 * A folder and those above it, step by step. Node's own `mkdir` with `recursive` takes ENOENT to mean that the parent is missing
 * and goes back to it, for ever where the parent is there and its file system takes no folders, as /proc does.
 */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GatehouseError } from '../core/errors.ts';

/** Those that are created are their owner's alone; one that is there stays as it is. @throws GatehouseError `folder_refused` */
export async function makeFolder(path: string): Promise<void> {
  if (await isMade(path)) return;
  await makeFolder(dirname(path));
  if (await isMade(path)) return;
  throw new GatehouseError('folder_refused', `${path}: the file system of ${dirname(path)} takes no folders`);
}

/** False where the one above is missing. */
async function isMade(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await isFolder(path))) return true;
    if (code === 'ENOENT' && dirname(path) !== path) return false;
    throw error;
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
