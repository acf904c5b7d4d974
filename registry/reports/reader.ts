/** Reading what the broker reports: enroll's side, which takes nothing that it finds there for granted. */
import { closeSync, constants, fstatSync, opendirSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fileNameOf, MAX_FILE_BYTES, MAX_FILES, MAX_REPORTS, numberOf } from './folder.ts';
import { parseReport, type Report } from './report.ts';

/** Several times as many as the broker ever leaves there, files that it is writing included. */
const MAX_ENTRIES = 8 * MAX_FILES;

export interface ReportFile {
  readonly number: number;
  readonly reports: readonly Report[];
  /** What of it could not be read, for the log; null where all could. */
  readonly problem: string | null;
}

/**
 * The report that comes next after the one that was last taken in; undefined where there is none yet. One that cannot be
 * read is empty, with its problem: it is passed over like any other, for nobody waits for what it may have held.
 * @throws Error where the folder cannot be read
 */
export function readNextReport(folder: string, taken: number): ReportFile | undefined {
  const number = firstAfter(folder, taken);
  if (number === undefined) return undefined;
  try {
    return parse(number, readCapped(join(folder, fileNameOf(number))));
  } catch (error) {
    return { number, reports: [], problem: error instanceof Error ? error.message : String(error) };
  }
}

function firstAfter(folder: string, taken: number): number | undefined {
  let first: number | undefined;
  let entries = 0;
  for (const name of namesIn(folder)) {
    if (++entries > MAX_ENTRIES) throw new Error(`${folder} has more than ${MAX_ENTRIES} entries`);
    const number = numberOf(name, taken);
    if (number !== undefined && number < (first ?? Number.POSITIVE_INFINITY)) first = number;
  }
  return first;
}

/** One by one: a list of all would be as long as the broker likes. */
function* namesIn(folder: string): Generator<string> {
  let directory: ReturnType<typeof opendirSync>;
  try {
    directory = opendirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) yield entry.name;
  } finally {
    directory.closeSync();
  }
}

/** Of a pipe in the place of the file, enroll would wait for the other end for ever; a link leads anywhere. */
function readCapped(path: string): Buffer {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  const descriptor = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new Error(`${path} is not a file`);
    if (status.size > MAX_FILE_BYTES) throw new Error(`${path} has ${status.size} bytes`);
    const content = Buffer.alloc(status.size);
    return content.subarray(0, readSync(descriptor, content));
  } finally {
    closeSync(descriptor);
  }
}

function parse(number: number, content: Buffer): ReportFile {
  const lines = content.toString('utf8').split('\n', MAX_REPORTS + 1);
  const reports: Report[] = [];
  let malformed = 0;
  for (const line of lines.slice(0, MAX_REPORTS)) {
    if (line === '') continue;
    const report = parseReport(line);
    if (report === undefined) malformed++;
    else reports.push(report);
  }
  // Behind the last line break there is nothing.
  const isTooLong = (lines[MAX_REPORTS] ?? '') !== '';
  const problem = isTooLong ? 'it has too many lines' : `${malformed} of its lines are no reports`;
  return { number, reports, problem: isTooLong || malformed > 0 ? problem : null };
}
