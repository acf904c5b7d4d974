/** `gatehouse manufacturer …`: whose factory certificates enroll devices, and which. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ManufacturerRequest, ManufacturerView } from '../../core/api/manufacturers.ts';
import {
  admissions,
  type FactoryAdmission,
  ID_PREFIX,
  type IdSource,
  idSources,
} from '../../core/enrollment/factory-rule.ts';
import { type EntityName, parseEntityName } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { unreadableFile } from '../../runtime/unreadable-file.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderFields, renderTable, toTheSecond } from '../table.ts';

interface AddFlags {
  readonly factoryCa: string;
  readonly group?: EntityName;
  readonly idFrom?: IdSource;
  readonly idPrefix?: string;
  readonly admit?: FactoryAdmission;
}

export function manufacturerCommands(manufacturer: Command, io: CommandIo): void {
  addCommand(manufacturer, io);
  listCommand(manufacturer, io);
  showCommand(manufacturer, io);
  removeCommand(manufacturer, io);
}

function addCommand(manufacturer: Command, io: CommandIo): void {
  const add = manufacturer
    .command('add')
    .description(
      'Registers a manufacturer, or replaces what is registered under its name: the CAs of its factory certificates (IEEE 802.1AR), and what they count for.',
    )
    .argument('<name>', 'name of the manufacturer', parsedBy(parseEntityName))
    .requiredOption(
      '--factory-ca <file>',
      'its CA certificates in PEM; an intermediate narrows it to what that issued, and needs those above it too',
    )
    .option(
      '--group <group>',
      'group that its devices join; imported ones must be in it (default: any, of imported ones)',
      parsedBy(parseEntityName),
    )
    .addOption(
      new Option(
        '--id-from <field>',
        'where the device ID stands: cn and serialNumber in the subject, dns and uri in the SAN (default: cn)',
      ).choices(idSources),
    )
    .option('--id-prefix <text>', 'put before it, to keep manufacturers apart', parsePrefix)
    .addOption(
      new Option('--admit <which>', 'listed: imported devices alone (default); any: all of them').choices(
        admissions,
      ),
    );
  addExamples(add, [
    'gatehouse manufacturer add acme --factory-ca acme-root.pem --group pumps --id-prefix acme-',
    'gatehouse manufacturer add widgets --factory-ca widgets.pem --group sensors --id-from serialNumber --admit any',
  ]);
  operatorCommand<[name: EntityName], AddFlags>(add, io, async ({ api, output }, flags, name) => {
    const { factoryCa, group, idFrom, idPrefix, admit } = flags;
    if (admit === 'any' && group === undefined) add.error('with --admit any, give --group');
    const request: ManufacturerRequest = {
      certificates: readCertificates(factoryCa),
      ...(group !== undefined && { group }),
      ...(idFrom !== undefined && { idFrom }),
      ...(idPrefix !== undefined && { idPrefix }),
      ...(admit !== undefined && { admit }),
    };
    const added = await api.put<ManufacturerView>(`/manufacturers/${encodeURIComponent(name)}`, request);
    output.result(added, () => render(added));
  });
}

function listCommand(manufacturer: Command, io: CommandIo): void {
  const list = manufacturer.command('list').description('Lists manufacturers.');
  addExamples(list, ['gatehouse manufacturer list']);
  operatorCommand<[]>(list, io, async ({ api, output }) => {
    const { items } = await api.get<{ items: readonly ManufacturerView[] }>('/manufacturers');
    output.result(items, () =>
      renderTable(
        ['NAME', 'ADMITS', 'GROUP', 'ID FROM', 'PREFIX', 'CHANGED'],
        items.map(({ name, admit, group, idFrom, idPrefix, changedAt }) => [
          name,
          admit,
          group ?? 'any',
          idFrom,
          idPrefix || null,
          toTheSecond(changedAt),
        ]),
      ),
    );
  });
}

function showCommand(manufacturer: Command, io: CommandIo): void {
  const show = manufacturer
    .command('show')
    .description('Shows a manufacturer and its CAs. With --json, in PEM too.')
    .argument('<name>', 'the manufacturer', parsedBy(parseEntityName));
  addExamples(show, ['gatehouse manufacturer show acme']);
  operatorCommand<[name: EntityName]>(show, io, async ({ api, output }, _flags, name) => {
    const found = await api.get<ManufacturerView>(`/manufacturers/${encodeURIComponent(name)}`);
    output.result(found, () => render(found));
  });
}

function removeCommand(manufacturer: Command, io: CommandIo): void {
  const remove = manufacturer
    .command('remove')
    .description(
      'Removes a manufacturer: its devices can no longer enroll by themselves. Those enrolled stay.',
    )
    .argument('<name>', 'the manufacturer', parsedBy(parseEntityName));
  addExamples(remove, ['gatehouse manufacturer remove acme']);
  operatorCommand<[name: EntityName]>(remove, io, async ({ api, output }, _flags, name) => {
    await api.delete(`/manufacturers/${encodeURIComponent(name)}`);
    output.result({ name, removed: true }, () => `manufacturer ${name} is removed`);
  });
}

function render(manufacturer: ManufacturerView): string {
  const { name, admit, group, idFrom, idPrefix, changedAt, certificates } = manufacturer;
  const fields = renderFields({
    name,
    admits: admit,
    group: group ?? 'any',
    'ID from': idFrom,
    prefix: idPrefix || null,
    changed: toTheSecond(changedAt),
  });
  const table = renderTable(
    ['CA', 'ANCHOR', 'NOT AFTER', 'SHA-256'],
    certificates.map(({ subject, anchor, notAfter, fingerprint }) => [
      subject,
      anchor ? 'yes' : 'no',
      toTheSecond(notAfter),
      fingerprint,
    ]),
  );
  return `${fields}\n\n${table}`;
}

function readCertificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw unreadableFile(path, cause);
  }
}

function parsePrefix(text: string): string {
  if (ID_PREFIX.test(text)) return text;
  throw new InvalidArgumentError('Give the beginning of a device ID, up to 32 characters.');
}
