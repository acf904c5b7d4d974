/**
 * From whatever ended a command to its last words and its exit code: 1 it failed, 2 it was misused. Programs
 * (--json) get one line of JSON on standard error, people get three lines.
 */
import { CommanderError } from 'commander';
import { type ErrorCode, errorCatalog, GatehouseError } from '../core/errors.ts';
import { printable } from './table.ts';

export interface Failure {
  /** One of core/errors.ts; typed as text because a newer server may know more of them. */
  readonly code: string;
  readonly detail: string;
  readonly remedy: string;
}

/** A refusal that somebody else explained: the server, or a process that `gatehouse up` started. */
export class ReportedError extends Error {
  override readonly name = 'ReportedError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.detail);
    this.failure = failure;
  }
}

/** All of what failed; nothing where help was asked for, and given. */
export function failuresOf(error: unknown): readonly Failure[] {
  if (error instanceof AggregateError) return error.errors.flatMap(failuresOf);
  if (error instanceof ReportedError) return [error.failure];
  if (error instanceof GatehouseError) return [failure(error.code, error.message)];
  if (error instanceof CommanderError) return error.exitCode === 0 ? [] : [misuse(error)];
  if (error instanceof Error && 'syscall' in error) return [failure('system_failed', error.message)];
  return [bug(error)];
}

function failure(code: ErrorCode, detail: string): Failure {
  return { code, detail, remedy: errorCatalog[code].remedy };
}

function misuse({ code, message }: CommanderError): Failure {
  // Commander shows the help where the second word of a command is missing, and says no more.
  const detail = code === 'commander.help' ? 'the command is not complete' : message.replace(/^error: /, '');
  return failure('usage_invalid', detail);
}

/** Nobody foresaw it: the stack is what a report of the bug needs. */
function bug(error: unknown): Failure {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    code: 'internal',
    detail,
    remedy: 'This is a bug in Gatehouse: please report it with this message.',
  };
}

export function exitCodeOf({ code }: Failure): 1 | 2 {
  return code === 'usage_invalid' || code === 'setting_invalid' ? 2 : 1;
}

/** With the line break at the end. */
export function renderFailure({ code, detail, remedy }: Failure, json: boolean): string {
  if (json) return `${JSON.stringify({ error: { code, detail, remedy } })}\n`;
  const lines = detail.split('\n').map(printable).join('\n');
  return `error: ${lines}\ncode: ${printable(code)}\nwhat to do: ${printable(remedy)}\n`;
}
