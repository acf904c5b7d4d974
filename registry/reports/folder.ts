/**
 * The folder by which the broker reports to enroll: numbered files that never change once they bear their name. The
 * broker writes them and removes those that the registry shows as taken in; enroll reads them in their order, and needs
 * no right to write here.
 */

/** Of one file: to take it in keeps enroll busy for some 50 ms at most, whatever is in it. */
export const MAX_FILE_BYTES = 1024 * 1024;
export const MAX_REPORTS = 2_000;
/** Files that wait at a time, while enroll does not read. */
export const MAX_FILES = 64;
/**
 * How far ahead a number may be of the last that was taken in. Without it, a broker that was taken over could claim the
 * largest number there is, and the one that is put in its place could report nothing any more.
 */
export const NUMBERS_AHEAD = 1_000_000;

const DIGITS = 16;
const NAME = /^(\d{16})\.jsonl$/;

export function fileNameOf(number: number): string {
  return `${String(number).padStart(DIGITS, '0')}.jsonl`;
}

/** The number of a report by its file's name; undefined where it is none that may follow the report `taken`. */
export function numberOf(name: string, taken: number): number | undefined {
  const [, digits] = NAME.exec(name) ?? [];
  const number = Number(digits);
  return number > taken && number <= taken + NUMBERS_AHEAD ? number : undefined;
}
