/** A change that concerns many, from the operator's side: sent, watched, and told; or only foretold. */
import type { Command } from 'commander';
import type {
  BulkChangeRequest,
  ChangeAnswer,
  ChangeResult,
  ChangingCertificate,
  ChangingDevice,
} from '../core/api/bulk.ts';
import type { CommandIo } from '../runtime/command-line/io.ts';
import { countUpTo } from '../runtime/command-line/parsers.ts';
import { count, Progress } from './import/progress.ts';
import { readAnswer } from './import/read-answer.ts';
import type { Lines, Query } from './operator-client.ts';
import type { Session } from './operator-command.ts';
import type { ReasonFlag } from './reason-option.ts';

const MOST = 100_000_000;

export const DRY_RUN_LINES =
  'With --dry-run --json, one JSON object a line for each that would change, and then their numbers.';

export interface BulkFlags {
  readonly dryRun?: true;
  readonly atMost?: number;
}

export interface BulkCall {
  /** Behind /api/v1. */
  readonly path: string;
  readonly body: Lines | { readonly json: object };
  readonly query?: Query;
  /** `revoked` */
  readonly done: string;
}

export function addDryRun(command: Command): Command {
  return command.option('--dry-run', 'only say whom it would be');
}

/** For what no list of names stands for: it has to be said how many it is, or it would be too easily done. */
export function addAtMost(command: Command, what: string): Command {
  return command.option(
    '--at-most <count>',
    `as many ${what} may change; where it would be more, none does (default: none)`,
    countUpTo(MOST),
  );
}

/** What the flags ask for. */
export function bulkRequest({ reason, atMost, dryRun }: BulkFlags & ReasonFlag): BulkChangeRequest {
  return {
    ...(reason !== undefined && { reason }),
    ...(atMost !== undefined && { atMost }),
    dryRun: dryRun === true,
  };
}

/** Shows how far it is, or whom it would be, and resolves with how it ended. @throws as `readAnswer` */
export async function sendChange(
  { api, output }: Session,
  io: CommandIo,
  { path, body, query = {}, done }: BulkCall,
): Promise<ChangeResult> {
  const progress = new Progress(io);
  const answers = api.exchange<ChangeAnswer>(path, body, query);
  try {
    return await readAnswer<ChangeResult, Exclude<ChangeAnswer, { result: unknown } | { problem: unknown }>>(
      answers,
      (written, of) => progress.show(done, written, of),
      (line) => {
        if ('devices' in line) for (const one of line.devices) output.result(one, () => renderDevice(one));
        if ('certificates' in line) {
          for (const one of line.certificates) output.result(one, () => renderCertificate(one));
        }
      },
    );
  } finally {
    progress.end();
  }
}

/** `dry run: 500 devices and 512 certificates to be revoked` */
export function tellResult(
  { output }: Session,
  result: ChangeResult,
  what: 'devices' | 'certificates',
  done: string,
): void {
  const { devices, certificates, unchanged, dryRun } = result;
  const numbers =
    what === 'certificates'
      ? numberOf(certificates, 'certificate')
      : `${numberOf(devices, 'device')} and ${numberOf(certificates, 'certificate')}`;
  const before = unchanged > 0 ? `; ${count(unchanged)} more were before` : '';
  output.result(
    result,
    () => (dryRun ? `dry run: ${numbers} to be ${done}` : `${done}: ${numbers}`) + before,
  );
}

function numberOf(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** Names as the lines that the server takes. */
export function linesOf(field: 'id' | 'serialNumber', names: readonly string[]): Lines {
  const bytes = Buffer.from(names.map((name) => `${JSON.stringify({ [field]: name })}\n`).join(''));
  return { chunks: [bytes], length: bytes.length };
}

function renderDevice({ id, certificates }: ChangingDevice): string {
  return [id, ...certificates].join('  ');
}

function renderCertificate({ serialNumber, device }: ChangingCertificate): string {
  return `${serialNumber}  ${device ?? 'a listener of Gatehouse'}`;
}
