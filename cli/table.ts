/** Aligned columns of plain text, for people. */
import { printable } from '../runtime/command-line/printable.ts';

/**
 * A line for the titles and one for each row, every column as wide as its widest cell. Null shows as `-`.
 * No line break at the end.
 */
export function renderTable(
  titles: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const lines = [titles, ...rows].map((cells) => cells.map((cell) => printable(String(cell ?? '-'))));
  const widths = titles.map((_, column) => Math.max(...lines.map((cells) => lengthOf(cells[column] ?? ''))));
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - lengthOf(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Names and their values, one a line, the values aligned. */
export function renderFields(fields: Readonly<Record<string, string | number | null>>): string {
  const width = Math.max(...Object.keys(fields).map(lengthOf));
  return Object.entries(fields)
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(String(value ?? '-'))}`)
    .join('\n');
}

/** An ISO 8601 time to the second, which is as much as people read. */
export function toTheSecond(time: string): string {
  return time.replace(/\.\d+(?=Z$)/, '');
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
