/** What is wrong with a file before the server has seen it, told as the server would. */
import type { LineError } from '../../core/api/import.ts';
import { type ErrorCode, errorCatalog } from '../../core/errors.ts';
import { ReportedError } from '../../runtime/command-line/last-words.ts';

/** As many as the server tells. */
const MAX_TOLD = 20;

export class FileErrors {
  readonly #code: ErrorCode;
  readonly #errors: LineError[] = [];
  #count = 0;

  constructor(code: ErrorCode) {
    this.#code = code;
  }

  add(line: number, detail: string): void {
    this.#count += 1;
    if (this.#errors.length < MAX_TOLD) this.#errors.push({ line, code: this.#code, detail });
  }

  /** @throws ReportedError where there is any */
  refuse(): void {
    if (this.#count === 0) return;
    const detail = `${this.#count === 1 ? '1 line' : `${this.#count} lines`} cannot be read, and nothing was sent`;
    const { remedy } = errorCatalog[this.#code];
    throw new ReportedError({
      code: this.#code,
      detail,
      remedy,
      errors: this.#errors,
      errorCount: this.#count,
    });
  }
}
