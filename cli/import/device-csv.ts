/** A table of devices as the lines that the server takes. */
import { GatehouseError } from '../../core/errors.ts';
import { quote } from '../../core/ids.ts';
import { ATTRIBUTE_NAME } from '../../core/policy/pattern.ts';
import { AlignedLines } from './aligned-lines.ts';
import { csvRecords } from './csv.ts';
import { FileErrors } from './file-errors.ts';

const ATTRIBUTE = 'attr.';

/** What the column of each field says. */
type Column = { readonly member: 'id' | 'group' } | { readonly attribute: string };

/**
 * @param text CSV that begins with a line of the columns: `id`, `group`, and any `attr.NAME`. An empty field is an
 *   attribute that the device does not have.
 * @returns JSON lines, each with the number that its record has in the CSV
 * @throws GatehouseError `csv_invalid` where the first line names other columns
 * @throws ReportedError `csv_invalid` with every line that is not like the first
 */
export function deviceLines(text: string): string {
  const errors = new FileErrors('csv_invalid');
  const lines = new AlignedLines();
  let columns: readonly Column[] | undefined;
  for (const record of csvRecords(text)) {
    const { line } = record;
    if ('problem' in record) {
      errors.add(line, record.problem);
    } else if (columns === undefined) {
      columns = readHeader(record.fields);
    } else if (record.fields.length !== columns.length) {
      errors.add(line, `${record.fields.length} fields; the first line has ${columns.length}`);
    } else {
      lines.add(line, entryOf(columns, record.fields));
    }
  }
  errors.refuse();
  if (columns === undefined) throw new GatehouseError('csv_invalid', 'there is no line with the columns');
  return lines.text;
}

function readHeader(names: readonly string[]): readonly Column[] {
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) !== index) {
      throw new GatehouseError('csv_invalid', `there are two columns ${quote(name)}`);
    }
  }
  for (const name of ['id', 'group']) {
    if (!names.includes(name)) {
      throw new GatehouseError('csv_invalid', `the first line names no column ${quote(name)}`);
    }
  }
  return names.map(readColumn);
}

function readColumn(name: string): Column {
  if (name === 'id' || name === 'group') return { member: name };
  const attribute = name.startsWith(ATTRIBUTE) ? name.slice(ATTRIBUTE.length) : '';
  if (ATTRIBUTE_NAME.test(attribute)) return { attribute };
  throw new GatehouseError('csv_invalid', `${quote(name)} is neither id nor group nor attr.NAME`);
}

/** The server says whether it is valid. */
function entryOf(columns: readonly Column[], fields: readonly string[]): object {
  const entry: Record<string, unknown> = {};
  const attributes: [name: string, value: string][] = [];
  for (const [index, column] of columns.entries()) {
    const value = fields[index] ?? '';
    if ('member' in column) entry[column.member] = value;
    else if (value !== '') attributes.push([column.attribute, value]);
  }
  return { ...entry, attributes: Object.fromEntries(attributes) };
}
