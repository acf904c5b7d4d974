/** A registry, new for each test, whose journal is old enough to be archived. */
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import type { Registry } from '../../registry/port/registry.ts';
import type { JournalArchiveRecord } from '../../registry/records.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { fill, openLater } from './old-journal.ts';

export const DAY = 86_400_000;
export const within = temporaryFolder();
export let count = 0;
export let folder: string;
export let file: string;
export let registry: Registry;
beforeEach(async () => {
  count += 1;
  file = join(within, String(count), 'registry.db');
  folder = join(within, String(count), 'archive');
  await fill(file);
  registry = await openLater(file);
});
afterEach(() => registry.close());

/** Once the one before is closed. */
export async function reopen(name = file): Promise<void> {
  registry = await openLater(name);
}

export async function onlyArchive(): Promise<JournalArchiveRecord> {
  const [archive, ...others] = await registry.journalArchives(0, 10);
  if (archive === undefined || others.length > 0) throw new Error('There is not just one archive');
  return archive;
}

export const seqs = async () => (await registry.journal(0, 100)).map(({ seq }) => seq);
