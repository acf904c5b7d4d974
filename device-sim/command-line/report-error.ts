/**
 * From whatever ended a command to its last words on standard error and its exit code: 0 done, 1 failed,
 * 2 misuse. With --json the words are one JSON object, else lines for people.
 */
import { CommanderError } from 'commander';
import { errorCatalog, GatehouseError } from '../../core/errors.ts';
import { Failure } from '../contract/failure.ts';

export interface LastWords {
  readonly code: string;
  readonly detail: string;
  /** Null where nobody knows what to do about it. */
  readonly remedy: string | null;
}

/** Writes them where there are any. @returns the exit code */
export function reportError(error: unknown, json: boolean): number {
  const words = lastWords(error);
  if (words === null) return 0;
  process.stderr.write(`${render(words, json)}\n`);
  return words.code === 'usage_invalid' ? 2 : 1;
}

/** Null where help or the version was asked for, and given. */
export function lastWords(error: unknown): LastWords | null {
  if (error instanceof CommanderError) return error.exitCode === 0 ? null : misuse(error);
  if (error instanceof GatehouseError || error instanceof Failure) {
    return { code: error.code, detail: error.message, remedy: error.remedy };
  }
  if (error instanceof Error && 'syscall' in error) {
    return { code: 'system_failed', detail: error.message, remedy: errorCatalog.system_failed.remedy };
  }
  // Nobody foresaw it: the stack is what a bug report needs.
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    code: 'internal',
    detail,
    remedy: 'This is a bug in the simulator: please report it with this message.',
  };
}

function misuse({ code, message }: CommanderError): LastWords {
  // Commander shows the help where no command is given, and says no more.
  const detail = code === 'commander.help' ? 'no command was given' : message.replace(/^error: /, '');
  return {
    code: 'usage_invalid',
    detail,
    remedy: 'gatehouse-sim --help shows the commands; --help after one of them shows its options.',
  };
}

function render({ code, detail, remedy }: LastWords, json: boolean): string {
  if (json) return JSON.stringify({ error: { code, detail, remedy } });
  return [`error: ${detail}`, `code: ${code}`, ...(remedy === null ? [] : [`what to do: ${remedy}`])].join(
    '\n',
  );
}
