/** What is wrong with an import, line by line: the first errors are told, all are counted. */
import type { LineError } from '../../core/api/import.ts';
import { GatehouseError } from '../../core/errors.ts';

/** As many as somebody corrects before trying again. */
const MAX_TOLD = 20;

/** What is refused whole: an import, or the list of what a change concerns. */
type Refusal = 'import_refused' | 'list_refused';
const NOT_DONE = { import_refused: 'imported', list_refused: 'changed' } as const;

export class LinesRefused extends GatehouseError {
  /** The first of them, in the order of the lines. */
  readonly errors: readonly LineError[];
  /** Of all. */
  readonly errorCount: number;

  constructor(code: Refusal, errors: readonly LineError[], errorCount: number) {
    const count = errorCount === 1 ? '1 line is' : `${errorCount} lines are`;
    super(code, `${count} refused, and nothing was ${NOT_DONE[code]}`);
    this.errors = errors;
    this.errorCount = errorCount;
  }
}

export class LineErrors {
  readonly #code: Refusal;
  readonly #told: LineError[] = [];
  #count = 0;

  constructor(code: Refusal = 'import_refused') {
    this.#code = code;
  }

  get any(): boolean {
    return this.#count > 0;
  }

  /** Runs `work` for a line. A refusal is noted; any other error is nothing that the line could help. */
  async collect(line: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof GatehouseError)) throw error;
      this.#count += 1;
      const { code, message: detail } = error;
      if (this.#told.length < MAX_TOLD) this.#told.push({ line, code, detail });
    }
  }

  /** @throws LinesRefused where there is any */
  refuse(): void {
    if (this.any) throw new LinesRefused(this.#code, this.#told, this.#count);
  }
}
