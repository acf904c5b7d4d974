/** A registry whose first rows are old enough to be archived. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { ArchiveFolder } from '../../enroll/housekeeping/archive-folder.ts';
import { type Archived, archiveJournal } from '../../enroll/housekeeping/archive-journal.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { NOW, someEvent } from '../registry/samples.ts';

export const OLD_ROWS = 20;
export const YOUNG_ROWS = 5;
export const LATER = NOW + 400 * 86_400_000;
/** Old rows are of the time before. */
export const BEFORE = LATER - 365 * 86_400_000;

export async function fill(file: string): Promise<void> {
  for (const [time, rows] of [
    [NOW, OLD_ROWS],
    [LATER, YOUNG_ROWS],
  ] as const) {
    const registry = await openRegistry({ file, clock: { now: () => time } });
    for (let row = 1; row <= rows; row++) {
      await registry.write('system', (transaction) => transaction.append(someEvent(`${time} ${row}`)));
    }
    await registry.close();
  }
}

export function openLater(file: string): Promise<Registry> {
  return openRegistry({ file, clock: { now: () => LATER } });
}

export interface ArchiveTerms {
  readonly maxRows?: number;
  readonly before?: number;
}

export function archiveNow(registry: Registry, folder: string, terms: ArchiveTerms = {}): Promise<Archived> {
  return archiveJournal({
    registry,
    folder: new ArchiveFolder(folder),
    clock: { now: () => LATER },
    before: BEFORE,
    signal: new AbortController().signal,
    pause: async () => undefined,
    ...terms,
  });
}

/** What the file holds, uncompressed. */
export async function textOf(folder: string, file: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(join(folder, file)).pipe(createGunzip()))
    chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
