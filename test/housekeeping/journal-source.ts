/** A registry as `journal verify` reads it over the operator API. */
import { type JournalSource, type Verification, verifyArchivedJournal } from '../../cli/archived-journal.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';

type JournalReader = Pick<RegistryReader, 'journal' | 'journalArchives'>;

const PAGE = 1_000;

export function journalSource(registry: JournalReader): JournalSource {
  return {
    async archives() {
      const archives = await registry.journalArchives(0, 100_000);
      return archives.map((archive) => ({
        ...archive,
        archivedAt: new Date(archive.archivedAt).toISOString(),
      }));
    },
    async *rows(after) {
      for (let seq = after; ; ) {
        const page = await registry.journal(seq, PAGE);
        yield page;
        const last = page.at(-1);
        if (last === undefined) return;
        seq = last.seq;
      }
    },
  };
}

/** From the first row on. @param folder where the archives are */
export function verifyWhole(registry: JournalReader, folder: string): Promise<Verification> {
  return verifyArchivedJournal(journalSource(registry), { folder, expected: undefined });
}
