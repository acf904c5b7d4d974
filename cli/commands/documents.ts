/** What `policy` and `profile` have in common: documents that are listed, shown and applied whole. */
import type { Command } from 'commander';
import { type EntityName, parseEntityName } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import type { NamedDocument } from '../document-file.ts';
import { operatorCommand, type Session } from '../operator-command.ts';
import { renderTable, toTheSecond } from '../table.ts';

/** A document as it was written, and when that was. */
export interface DocumentView {
  readonly name: string;
  readonly description?: string;
  readonly changedAt: string;
  readonly [field: string]: unknown;
}

export interface DocumentKind {
  readonly noun: 'policy' | 'profile';
  /** Under /api/v1. */
  readonly path: string;
  /** A change for sed, as an example. */
  readonly edit: string;
  readonly titles: readonly string[];
  /** The cells under the titles. */
  readonly cells: (document: DocumentView) => readonly string[];
  /** Where there is one: shows what applying the document would lead to. */
  readonly dryRun?: (session: Session, document: NamedDocument) => Promise<void>;
  /** Where there is something to say to people of what follows from it. */
  readonly onApplied?: (session: Session, name: string) => Promise<void>;
}

/** Adds list, show and apply to `parent`. */
export function documentCommands(
  parent: Command,
  io: CommandIo,
  { noun, path, edit, titles, cells, dryRun, onApplied }: DocumentKind,
): void {
  const list = parent.command('list').description(`Lists the ${path.slice(1)}.`);
  addExamples(list, [`gatehouse ${noun} list`]);
  operatorCommand<[]>(list, io, async ({ api, output }) => {
    const { items } = await api.get<{ items: readonly DocumentView[] }>(path);
    output.result(items, () =>
      renderTable(
        ['NAME', ...titles, 'CHANGED', 'DESCRIPTION'],
        items.map((one) => [one.name, ...cells(one), toTheSecond(one.changedAt), one.description ?? '']),
      ),
    );
  });

  const show = parent
    .command('show')
    .description('Prints one as YAML, as it was written: a file to change and to apply.')
    .argument('<name>', `the ${noun}`, parsedBy(parseEntityName));
  addExamples(show, [`gatehouse ${noun} show device > device.yaml`]);
  operatorCommand<[name: EntityName]>(show, io, async ({ api, output }, _flags, name) => {
    const { stringify } = await import('yaml');
    const found = await api.get<DocumentView>(`${path}/${encodeURIComponent(name)}`);
    const { changedAt, ...document } = found;
    output.result(found, () => stringify(document).trimEnd());
    output.note(`# last changed ${toTheSecond(changedAt)}`);
  });

  const apply = parent
    .command('apply')
    .description(`Puts a ${noun} in place, whole: it is created, or replaces the one of its name.`)
    .argument('<file>', 'the document in YAML or JSON; - for standard input');
  addExamples(apply, [
    `gatehouse ${noun} apply device.yaml`,
    `gatehouse ${noun} show device | sed ${edit} | gatehouse ${noun} apply -`,
    ...(dryRun ? [`gatehouse ${noun} apply device.yaml --dry-run`] : []),
  ]);
  if (dryRun) apply.option('--dry-run', 'show what it would lead to, and change nothing');
  operatorCommand<[file: string], { dryRun?: true }>(apply, io, async (session, flags, file) => {
    const { readDocument } = await import('../document-file.ts');
    const document = readDocument(file);
    if (flags.dryRun) return dryRun?.(session, document);
    const { api, output } = session;
    const { name, body } = document;
    const applied = await api.put<DocumentView>(`${path}/${encodeURIComponent(name)}`, body);
    output.result(
      applied,
      () => `${noun} ${applied.name} is in place since ${toTheSecond(applied.changedAt)}`,
    );
    if (!output.json) await onApplied?.(session, applied.name);
  });
}
