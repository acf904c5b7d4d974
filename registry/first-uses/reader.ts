/** Reading the feed of first uses: enroll's side. */
import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { type FirstUse, ForeignFile, hasTable } from './feed.ts';

/** Looked at in one go, some 50 ms; what is beyond them is read once the rows before it are pruned. */
const MAX_ROWS = 5_000;
/** Several times what the broker ever leaves in it (MAX_TOLD in broker/admission/first-uses.ts). */
const MAX_BYTES = 64 * 1024 * 1024;

export interface FirstUseRow extends FirstUse {
  /** Grows with every row of a file. */
  readonly seq: number;
}

/**
 * The rows there are, in their order; none where there is no file yet, undefined while the broker is writing. A fingerprint
 * in them is whatever text the broker wrote: it is good for looking up, and nothing else. Opened anew each time, for the
 * broker may have replaced a broken file by another.
 * @throws Error where it is no such file
 */
export function readFirstUses(file: string): readonly FirstUseRow[] | undefined {
  const image = readImage(file);
  if (image === undefined || image.length === 0) return image && [];
  const database = new Sqlite(image, { readonly: true });
  try {
    database.pragma('trusted_schema = OFF');
    if (!hasTable(database, file)) return [];
    const rows = database.prepare<[number], FirstUseRow>('SELECT * FROM firstUses ORDER BY seq LIMIT ?');
    return rows.all(MAX_ROWS);
  } finally {
    database.close();
  }
}

/**
 * The file as it is, read without SQLite and its locks: of a pipe that a broker which was taken over put in the place
 * of the file, or of its journal, SQLite would wait for the other end for ever, and enroll with it.
 */
function readImage(file: string): Buffer | undefined {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  const descriptor = openIfThere(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  if (descriptor === undefined) return Buffer.alloc(0);
  try {
    const before = fstatSync(descriptor, { bigint: true });
    if (!before.isFile()) throw new ForeignFile(`${file} is not a file`);
    if (before.size > MAX_BYTES) throw new ForeignFile(`${file} has ${before.size} bytes`);
    // There from before the first page of a commit is written until after the last one is.
    const isBusy = () => existsSync(`${file}-journal`);
    if (isBusy()) return undefined;
    const image = Buffer.alloc(Number(before.size));
    const isWhole = readSync(descriptor, image) === image.length;
    const hasChanged = fstatSync(descriptor, { bigint: true }).mtimeNs !== before.mtimeNs;
    return isWhole && !hasChanged && !isBusy() ? image : undefined;
  } finally {
    closeSync(descriptor);
  }
}

function openIfThere(file: string, flags: number): number | undefined {
  try {
    return openSync(file, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
