/** What SQLite and the write queue promise together, tried on processes that are killed or run out of disk. */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { verifyChain } from '../../core/journal/chain.ts';
import type { RegistryView } from '../../registry/port/registry.ts';
import { openRegistry, openRegistryView } from '../../registry/sqlite/open.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Child, startChild } from './children.ts';
import { change, NOW, seed } from './samples.ts';
import { nextChange } from './watching.ts';

const clock = { now: () => NOW };
const folder = temporaryFolder();
const fileOf = (test: string) => join(folder, `${test}.db`);

/** Subjects of all journal rows, which verify. */
async function journaled(registry: RegistryView): Promise<Set<string>> {
  const rows = await registry.journal(0, 1_000_000);
  verifyChain(rows);
  return new Set(rows.map(({ event }) => event.subject));
}

function subjects(child: Child, outcome: 'answered' | 'refused'): string[] {
  return child.lines.filter((line) => line.startsWith(`${outcome} `)).map((line) => line.split(' ')[1] ?? '');
}

describe('when the writer is killed', () => {
  it('has kept every write that was answered, and a journal that verifies', async () => {
    const file = fileOf('killed');
    const answered: string[] = [];
    for (let round = 0; round < 3; round++) {
      const child = startChild('write-on.mjs', file);
      await child.printed(150);
      await child.kill();
      expect(subjects(child, 'answered').length).toBeGreaterThanOrEqual(150);
      answered.push(...subjects(child, 'answered'));

      const view = await openRegistryView({ file });
      const kept = await journaled(view);
      expect(answered.filter((subject) => !kept.has(subject))).toEqual([]);
      await view.close();
    }
    const registry = await openRegistry({ file, clock });
    await change(registry, async () => undefined);
    await journaled(registry);
    await registry.close();
  });

  it('goes on for a view that was open already', async () => {
    const file = fileOf('viewed');
    const child = startChild('write-on.mjs', file);
    await child.printed(1);
    const view = await openRegistryView({ file });
    await child.printed(50);
    await child.kill();
    const kept = await journaled(view);
    expect(subjects(child, 'answered').filter((subject) => !kept.has(subject))).toEqual([]);

    const registry = await openRegistry({ file, clock });
    const before = await view.journalHead();
    const seen = nextChange(view, async () => (await view.journalHead()) > before);
    await change(registry, async () => undefined);
    await seen;
    await view.close();
    await registry.close();
  });
});

describe('when the disk is full', () => {
  it('refuses all writes of the commit that failed, and keeps those that it answered', async () => {
    const file = fileOf('full');
    const child = startChild('write-on.mjs', file, 1024);
    await child.ended();
    const refused = subjects(child, 'refused');
    expect(subjects(child, 'answered').length).toBeGreaterThan(0);
    expect(refused.length).toBeGreaterThan(0);

    const registry = await openRegistry({ file, clock });
    const kept = await journaled(registry);
    expect(subjects(child, 'answered').filter((subject) => !kept.has(subject))).toEqual([]);
    expect(refused.filter((subject) => kept.has(subject))).toEqual([]);
    await registry.close();
  });
});

describe('when the first start was cut off', () => {
  async function expectRecovery(file: string): Promise<void> {
    await expect(openRegistryView({ file })).rejects.toMatchObject({ code: 'registry_schema' });
    const registry = await openRegistry({ file, clock });
    await seed(registry);
    expect(await registry.groups()).toHaveLength(1);
    await registry.close();
  }

  it('before anything was written, the next one completes it', async () => {
    const file = fileOf('empty');
    writeFileSync(file, '');
    await expectRecovery(file);
  });

  it('within the migration, the next one completes it', async () => {
    const file = fileOf('half migrated');
    writeFileSync(file, '');
    await startChild('die-while-migrating.mjs', file).ended();
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
    await expectRecovery(file);
  });
});

describe('a view in another process than the writer', () => {
  it('hears of a commit and finds it', async () => {
    const file = fileOf('two processes');
    const child = startChild('write-when-told.mjs', file);
    await child.printed(1);
    const view = await openRegistryView({ file });
    // The first call may come for nothing; after it, only the other process can bring about another.
    await nextChange(view, async () => true);
    const seen = nextChange(view, async () => (await journaled(view)).has('told'));
    child.say('told');
    await seen;
    await child.kill();
    await view.close();
  });
});
