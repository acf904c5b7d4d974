/** A broker that was kept from reading while rows that it needs left the registry: it ends, to begin anew. */
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { JournalTail } from '../../broker/tail/journal-tail.ts';
import type { GatehouseError } from '../../core/errors.ts';
import type { RegistryView } from '../../registry/port/registry.ts';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import { someEvent } from '../registry/samples.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { archiveNow, fill, LATER, openLater } from './old-journal.ts';

const folder = temporaryFolder();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A view that cannot be read while `kept` says so. */
function hindered(view: RegistryView, kept: () => boolean): RegistryView {
  const journal: RegistryView['journal'] = (after, limit) => {
    if (kept()) throw new Error('it cannot be read');
    return view.journal(after, limit);
  };
  return new Proxy(view, {
    get: (target, name) => {
      if (name === 'journal') return journal;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function follow(name: string, kept: () => boolean) {
  const file = join(folder, name, 'registry.db');
  await fill(file);
  const registry = await openLater(file);
  const view = await openRegistryView({ file });
  const seen: number[] = [];
  const replaced: GatehouseError[] = [];
  const tail = new JournalTail({
    registry: hindered(view, kept),
    cut: async () => {},
    onCaughtUp: () => {},
    apply: async ({ seq }) => void seen.push(seq),
    onReplaced: (error) => replaced.push(error),
    onSilence: () => undefined,
    log: pino({ level: 'silent' }),
  });
  await tail.start();
  tail.follow();
  closers.push(
    () => registry.close(),
    () => view.close(),
    () => tail.close(),
  );
  const append = () => registry.write('system', (transaction) => transaction.append(someEvent('news')));
  /** All that is there, however young. */
  const archive = () =>
    archiveNow(registry, join(folder, name, 'archive'), { before: LATER + 30 * 86_400_000 });
  return { tail, seen, replaced, append, archive };
}

it('misses nothing of what is archived behind it', async () => {
  const { seen, replaced, append, archive } = await follow('near', () => false);
  await append();
  await eventually(() => seen.length === 1);
  await archive();
  await append();
  await eventually(() => seen.length === 3);
  expect([seen, replaced]).toEqual([[26, 27, 28], []]);
});

it('is told that rows are gone that it never saw', async () => {
  let kept = false;
  const { seen, replaced, append, archive } = await follow('far', () => kept);
  kept = true;
  for (let row = 0; row < 3; row++) await append();
  await archive();
  kept = false;
  await eventually(() => replaced.length > 0);
  expect([seen, replaced.map(({ code }) => code)]).toEqual([[], ['registry_replaced']]);
});
