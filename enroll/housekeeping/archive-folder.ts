/**
 * The folder of the journal's archives. A file has its name only once all of it is on disk; until then it is a
 * temporary one, which the next run throws away.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { archiveLine, archiveName } from '../../core/journal/archive.ts';
import type { ChainHead } from '../../core/journal/chain.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { syncFolder } from '../../runtime/atomic-file.ts';

const TEMPORARY = 'journal.tmp';

export interface WrittenArchive {
  readonly file: string;
  /** Hex, over the file. */
  readonly sha256: string;
  readonly bytes: number;
}

export class ArchiveFolder {
  readonly #path: string;

  /** @param path need not be there yet */
  constructor(path: string) {
    this.#path = path;
  }

  async names(): Promise<readonly string[]> {
    return readdir(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#path, name));
    await syncFolder(this.#path);
  }

  /**
   * Writes rows into a file of its owner's alone. Resolves once it outlasts a power cut.
   * @param head of the last row, asked once all rows were read
   */
  async write(
    rows: AsyncIterable<JournalRow>,
    firstSeq: number,
    head: () => ChainHead,
  ): Promise<WrittenArchive> {
    const created = await mkdir(this.#path, { recursive: true, mode: 0o700 });
    if (created !== undefined) await syncFolder(dirname(this.#path));
    const temporary = join(this.#path, TEMPORARY);
    try {
      const { sha256, bytes } = await writeCompressed(temporary, rows);
      const file = archiveName(firstSeq, head());
      await rename(temporary, join(this.#path, file));
      await syncFolder(this.#path);
      return { file, sha256, bytes };
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

async function writeCompressed(
  path: string,
  rows: AsyncIterable<JournalRow>,
): Promise<Pick<WrittenArchive, 'sha256' | 'bytes'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'w', 0o600);
  try {
    // Compression is done by threads of its own, so the event loop is kept no longer than a page of rows takes.
    await pipeline(Readable.from(lines(rows)), createGzip(), async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        await file.writeFile(chunk);
      }
    });
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function* lines(rows: AsyncIterable<JournalRow>): AsyncGenerator<string> {
  for await (const row of rows) yield archiveLine(row);
}
