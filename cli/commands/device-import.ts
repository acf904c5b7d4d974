/** `gatehouse device import|create`: devices made known before they enroll. */
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import type { DeviceDetail } from '../../core/api/devices.ts';
import { type DeviceId, type EntityName, parseDeviceId, parseEntityName } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { deviceLines } from '../import/device-csv.ts';
import { decodeText, readInputFile } from '../import/input-file.ts';
import { Progress } from '../import/progress.ts';
import { renderResult, sendImport } from '../import/send-import.ts';
import { operatorCommand } from '../operator-command.ts';
import { parseAttributes } from '../option-parsers.ts';
import { renderDevice } from './device-view.ts';

type Format = 'csv' | 'jsonl';

/** What each ending of a file's name says. */
const FORMATS: Readonly<Record<string, Format>> = { '.csv': 'csv', '.jsonl': 'jsonl', '.ndjson': 'jsonl' };

interface ImportFlags {
  readonly format?: Format;
  readonly update?: boolean;
  readonly dryRun?: boolean;
}

const IMPORT_HELP = `
CSV begins with a line of the columns: id, group, and any attr.NAME. JSON lines
hold {"id": …, "group": …, "attributes": {"NAME": …}} each. All lines are checked
first; if one is refused, nothing is imported. Devices that are there already,
just as the file has them, are counted as unchanged.`;

export function importCommand(device: Command, io: CommandIo): void {
  const command = device
    .command('import')
    .description(
      'Makes devices known before they enroll, from CSV or JSON lines, up to 250,000 at a time: all or nothing.',
    )
    .argument('<file>', '- for standard input')
    .addOption(
      new Option('--format <format>', 'of the file (default: by its name)').choices(['csv', 'jsonl']),
    )
    .option('--update', 'set group and attributes of devices that are there already, but for revoked ones')
    .option('--dry-run', 'check everything and write nothing')
    .addHelpText('after', IMPORT_HELP);
  addExamples(command, [
    'gatehouse device import fleet.csv --dry-run',
    'gatehouse device import fleet.jsonl --update',
    'export-fleet | gatehouse device import - --format csv',
  ]);
  operatorCommand<[file: string], ImportFlags>(command, io, async ({ api, output }, flags, file) => {
    const format = flags.format ?? FORMATS[extname(file).toLowerCase()];
    if (format === undefined) command.error(`the name of ${file} does not tell its format: give --format`);
    const bytes = await readInputFile(file);
    const result = await sendImport({
      api,
      path: '/devices/import',
      query: { update: String(flags.update === true), dryRun: String(flags.dryRun === true) },
      lines: format === 'csv' ? Buffer.from(deviceLines(decodeText(file, bytes))) : bytes,
      progress: new Progress(io),
    });
    output.result(result, () => renderResult(result, 'devices'));
  });
}

export function createCommand(device: Command, io: CommandIo): void {
  const create = device
    .command('create')
    .description('Makes one device known before it enrolls.')
    .argument('<id>', 'device ID', parsedBy(parseDeviceId))
    .option('--group <group>', 'the group it is in (default: devices)', parsedBy(parseEntityName))
    .option('--attr <name=value>', 'an attribute, may be repeated', parseAttributes);
  addExamples(create, ['gatehouse device create press-7 --group presses --attr site=north']);
  operatorCommand<[id: DeviceId], { group?: EntityName; attr?: Readonly<Record<string, string>> }>(
    create,
    io,
    async ({ api, output }, { group, attr: attributes }, id) => {
      const detail = await api.post<DeviceDetail>('/devices', { id, group, attributes });
      output.result(detail, () => renderDevice(detail));
    },
  );
}
