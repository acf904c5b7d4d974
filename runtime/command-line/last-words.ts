/**
 * From whatever ended a command to its last words and its exit code: 1 it failed, 2 it was misused. Programs
 * (--json) get one line of JSON, people get three lines.
 */
import { CommanderError } from 'commander';
import type { LineError } from '../../core/api/import.ts';
import { type ErrorCode, errorCatalog, GatehouseError } from '../../core/errors.ts';
import { withoutOpenSslLines } from './connection-error.ts';
import { printable, printableLines } from './printable.ts';

export interface LastWords {
  /** One of core/errors.ts; typed as text because a newer server may know more of them. */
  readonly code: string;
  readonly detail: string;
  readonly remedy: string;
  /** What is wrong with single ones of many, the first of them, and how many there are in all. */
  readonly errors?: readonly OneOfMany[] | undefined;
  readonly errorCount?: number | undefined;
}

/** By its line where it is of a file, by its name where that was given. */
export interface OneOfMany extends Omit<LineError, 'line'> {
  readonly line?: number | undefined;
  readonly name?: string | undefined;
}

/** A refusal that somebody else explained: the server, or a process that `gatehouse up` started. */
export class ReportedError extends Error {
  override readonly name = 'ReportedError';
  readonly words: LastWords;

  constructor(words: LastWords) {
    super(words.detail);
    this.words = words;
  }
}

/** The command failed, and the result that it printed says so already. */
export class FailedResult extends Error {
  override readonly name = 'FailedResult';
}

/** All of what failed; nothing where help was asked for, and given, or where the result has told it. */
export function lastWordsOf(error: unknown): readonly LastWords[] {
  if (error instanceof AggregateError) return error.errors.flatMap(lastWordsOf);
  if (error instanceof FailedResult) return [];
  if (error instanceof ReportedError) return [error.words];
  if (error instanceof GatehouseError) {
    return [{ code: error.code, detail: error.message, remedy: error.remedy }];
  }
  if (error instanceof CommanderError) return error.exitCode === 0 ? [] : [misuse(error)];
  if (error instanceof Error && 'syscall' in error) {
    return [fromCatalog('system_failed', withoutOpenSslLines(error.message))];
  }
  return [bug(error)];
}

const MISUSE: ReadonlySet<string> = new Set<ErrorCode>([
  'usage_invalid',
  'setting_invalid',
  'settings_conflict',
]);

export function exitCodeOf(error: unknown): 0 | 1 | 2 {
  if (error instanceof FailedResult) return 1;
  const codes = lastWordsOf(error).map(({ code }) => code);
  if (codes.some((code) => MISUSE.has(code))) return 2;
  return codes.length === 0 ? 0 : 1;
}

/** With the line break at the end. */
export function renderLastWords(words: LastWords, json: boolean): string {
  const { code, detail, remedy, errors, errorCount } = words;
  if (json) return `${JSON.stringify({ error: { code, detail, remedy, errors, errorCount } })}\n`;
  const lines = [
    `error: ${printableLines(detail)}`,
    ...renderLineErrors(words),
    `code: ${printable(code)}`,
    `what to do: ${printable(remedy)}`,
  ];
  return `${lines.join('\n')}\n`;
}

function renderLineErrors({ errors = [], errorCount = errors.length }: LastWords): string[] {
  const told = errors.map(({ line, code, detail }) =>
    printable(`  ${line === undefined ? '' : `line ${line}: `}${detail} (${code})`),
  );
  const more = errorCount - errors.length;
  return more > 0 ? [...told, `  and ${more.toLocaleString('en-GB')} more`] : told;
}

function fromCatalog(code: ErrorCode, detail: string): LastWords {
  return { code, detail, remedy: errorCatalog[code].remedy };
}

function misuse({ code, message }: CommanderError): LastWords {
  // Commander shows the help where a word of the command is missing, and says no more.
  const detail = code === 'commander.help' ? 'the command is not complete' : message.replace(/^error: /, '');
  return fromCatalog('usage_invalid', detail);
}

/** Nobody foresaw it: the stack is what a report of the bug needs. */
function bug(error: unknown): LastWords {
  return {
    code: 'internal' satisfies ErrorCode,
    detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
    remedy: 'This is a bug in Gatehouse: please report it with this message.',
  };
}
