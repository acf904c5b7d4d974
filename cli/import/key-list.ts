/** A list of blocked keys as the lines that the server takes. */
import { AlignedLines } from './aligned-lines.ts';

/**
 * @param text a fingerprint a line, and after white space a note; lines that begin with # are comments
 * @param note of keys that have none of their own
 * @returns JSON lines, each with the number that it has in the list; the server says whether they are valid
 */
export function keyLines(text: string, note: string): string {
  const lines = new AlignedLines();
  for (const [index, line] of text.split('\n').entries()) {
    const [, fingerprint = '', own = ''] = /^\s*(\S*)\s*(.*?)\s*$/s.exec(line) ?? [];
    if (fingerprint === '' || fingerprint.startsWith('#')) continue;
    // `FINGERPRINT  # why` is how people would write a note.
    lines.add(index + 1, { fingerprint, note: own.replace(/^#\s*/, '') || note });
  }
  return lines.text;
}
