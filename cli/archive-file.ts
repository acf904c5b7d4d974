/** Reads an archive of the journal, after it has proven to be the very file that was written. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import type { JournalArchiveView } from '../core/api/housekeeping.ts';
import { GatehouseError } from '../core/errors.ts';
import { parseArchiveName } from '../core/journal/archive.ts';
import { type Line, LineCutter } from '../core/lines.ts';

/** A row is some hundred bytes, or some ten thousand where it holds a document. */
const MAX_LINE_BYTES = 1024 * 1024;

/**
 * The rows, in pages.
 * @param folder where it is, under the name that it was given
 * @throws GatehouseError `archive_missing`, `archive_damaged`
 */
export async function* archivedRows(
  folder: string,
  { file, sha256 }: Pick<JournalArchiveView, 'file' | 'sha256'>,
): AsyncGenerator<readonly unknown[]> {
  // The name comes from the server: nothing that leads out of the folder.
  if (parseArchiveName(file) === undefined)
    throw new GatehouseError('archive_damaged', `a file is called ${file}`);
  const path = join(folder, file);
  if ((await hashOf(path)) !== sha256) {
    throw new GatehouseError('archive_damaged', `${path} does not have the SHA-256 ${sha256}`);
  }
  const cutter = new LineCutter({ maxBytes: MAX_LINE_BYTES });
  for await (const chunk of createReadStream(path).pipe(createGunzip())) {
    yield cutter.push(chunk as Uint8Array).map((line) => parse(line, path));
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  } catch (error) {
    throw new GatehouseError('archive_missing', `${path} cannot be read`, { cause: error });
  }
  return hash.digest('hex');
}

function parse(line: Line, path: string): unknown {
  try {
    return JSON.parse('text' in line ? line.text : '');
  } catch (error) {
    const detail = `line ${line.number} of ${path} is not JSON`;
    throw new GatehouseError('archive_damaged', detail, { cause: error });
  }
}
