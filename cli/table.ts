/** Aligned columns of plain text, for people. */

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

/** Text from elsewhere made fit for a terminal: what could move its cursor or colour it shows as `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}]/gu,
    (character) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, '0')}`,
  );
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
