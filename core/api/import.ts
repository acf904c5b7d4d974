/** Imports of devices and of blocked keys. */

import type { BulkAnswer } from './bulk.ts';
import type { Problem } from './problem.ts';

/**
 * POST /api/v1/devices/import and /api/v1/blocked-keys/import take NDJSON and answer NDJSON: how far the one
 * transaction is, then the summary, or the problem where it was refused after all. What can be refused before it is
 * answered as every other problem.
 */
export type ImportAnswer = BulkAnswer<ImportResult>;

export interface ImportResult {
  readonly imported: number;
  /** They were there before, just as the file has them. */
  readonly unchanged: number;
  readonly updated: number;
  /** Nothing was written: these are the numbers that would be. */
  readonly dryRun: boolean;
}

/** What is wrong with one line of an import. */
export interface LineError {
  /** From 1. */
  readonly line: number;
  /** As Problem.code. */
  readonly code: string;
  readonly detail: string;
}

/** RFC 9457 §3.2: extension members of the problem `import_refused`. */
export interface ImportProblem extends Problem {
  /** The first of them, in the order of the lines. */
  readonly errors: readonly LineError[];
  /** Of all. */
  readonly errorCount: number;
}
