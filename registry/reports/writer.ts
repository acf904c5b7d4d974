/** Writing what the broker reports: the broker's side. */
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileModeIn } from '../sqlite/file-mode.ts';
import { fileNameOf, MAX_FILE_BYTES, MAX_FILES, MAX_REPORTS, numberOf } from './folder.ts';
import type { Report } from './report.ts';

/** While it is being written. */
const UNFINISHED = 'unfinished';

export class ReportWriter {
  readonly #folder: string;
  readonly #mode: number;
  /** Of the files that wait to be taken in, oldest first. */
  readonly #waiting: number[];
  #last: number;

  private constructor(folder: string, mode: number, waiting: number[], last: number) {
    this.#folder = folder;
    this.#mode = mode;
    this.#waiting = waiting;
    this.#last = last;
  }

  /**
   * Creates the folder, its owner's alone, unless there is one, and clears it of what is taken in or foreign.
   * @param taken the number of the last report that the registry shows as taken in: others follow it, so a folder that was
   * lost, or is older or newer than the registry, begins where enroll reads on
   */
  static async open(folder: string, taken: number): Promise<ReportWriter> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const waiting: number[] = [];
    for (const name of await readdir(folder)) {
      const number = numberOf(name, taken);
      if (number === undefined) await rm(join(folder, name), { force: true, recursive: true });
      else waiting.push(number);
    }
    waiting.sort((one, other) => one - other);
    return new ReportWriter(folder, fileModeIn(folder), waiting, waiting.at(-1) ?? taken);
  }

  /** False while enroll has to read first. */
  get hasRoom(): boolean {
    return this.#waiting.length < MAX_FILES;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Hands on as many of `reports` as fit into a file, in their order. Not synced to the disk: what a power cut takes is
   * told anew, or not worth the wait.
   * @returns the number of the file, and how many of the reports are in it
   */
  async write(reports: readonly Report[]): Promise<{ readonly number: number; readonly written: number }> {
    const { text, written } = fittingLines(reports);
    const unfinished = join(this.#folder, UNFINISHED);
    const number = this.#last + 1;
    const file = await open(unfinished, 'w', this.#mode);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(unfinished, join(this.#folder, fileNameOf(number)));
    this.#last = number;
    this.#waiting.push(number);
    return { number, written };
  }

  /** Removes what the registry shows as taken in. @param taken the number of the last one */
  async prune(taken: number): Promise<void> {
    for (let first = this.#waiting[0]; first !== undefined && first <= taken; first = this.#waiting[0]) {
      await rm(join(this.#folder, fileNameOf(first)), { force: true });
      this.#waiting.shift();
    }
  }
}

function fittingLines(reports: readonly Report[]): { readonly text: string; readonly written: number } {
  const lines: string[] = [];
  let bytes = 0;
  for (const report of reports.slice(0, MAX_REPORTS)) {
    const line = `${JSON.stringify(report)}\n`;
    bytes += Buffer.byteLength(line);
    if (bytes > MAX_FILE_BYTES) break;
    lines.push(line);
  }
  return { text: lines.join(''), written: lines.length };
}
