/**
 * Publications on disk. Whatever ends the process, what is found afterwards is one publication, whole, and never an
 * older one than was served before.
 */
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Fingerprint } from '../../core/ids.ts';
import { syncFolder, writeFileAtomic } from '../../runtime/atomic-file.ts';
import { fileOf, indexText, type Publication, type PublishedCrl, parseIndex } from './publication.ts';

const INDEX = 'index.json';
/** Files that are written or read at a time. */
const AT_A_TIME = 16;

/** Resolves once it is on disk, with what the one before it had and this one has not removed. */
export async function savePublication(folder: string, publication: Publication): Promise<void> {
  const place = join(folder, publication.issuer);
  await mkdir(place, { recursive: true, mode: 0o700 });
  const present = new Set(await readdir(place));
  const lists = [...publication.lists.values()];
  const added = lists.filter((list) => !present.has(fileOf(list)) || list.number === publication.number);
  await inGroups(added, (list) => writeSynced(join(place, fileOf(list)), list.der));
  await syncFolder(place);
  // From here on it is this one that counts.
  await writeFileAtomic(join(place, INDEX), indexText(publication));
  await syncFolder(dirname(place));
  const kept = new Set([INDEX, ...lists.map(fileOf)]);
  await inGroups(
    [...present].filter((name) => !kept.has(name)),
    (name) => rm(join(place, name)),
  );
}

/** Undefined where there is none, or not all of it. */
export async function loadPublication(folder: string, issuer: Fingerprint): Promise<Publication | undefined> {
  const place = join(folder, issuer);
  const index = parseIndex(await readFile(join(place, INDEX), 'utf8').catch(() => ''));
  if (index === undefined) return undefined;
  const lists = new Map<PublishedCrl['part'], PublishedCrl>();
  await inGroups(index.lists, async ({ bytes, ...list }) => {
    const der = await readFile(join(place, fileOf(list))).catch(() => undefined);
    if (der?.length === bytes) lists.set(list.part, { ...list, der });
  });
  return lists.size === index.lists.length ? { ...index, issuer, lists } : undefined;
}

/** @param name one of `publicationFolders`, whether or not an issuer has it */
export async function removePublication(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { recursive: true, force: true });
}

/** Of whichever issuers there is something. */
export async function publicationFolders(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}

async function writeSynced(file: string, content: Uint8Array): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function inGroups<Item>(items: readonly Item[], work: (item: Item) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_A_TIME)
    await Promise.all(items.slice(start, start + AT_A_TIME).map(work));
}
