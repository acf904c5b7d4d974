/**
 * A change of devices or certificates, from the operator's side. Whether it is one or many, made or only foretold: with
 * --json it prints one document, a ChangeReport, as a change of requests does (commands/request.ts).
 */
import type { Command } from 'commander';
import type {
  ChangeAnswer,
  ChangeReport,
  ChangeResult,
  ChangingCertificate,
  ChangingDevice,
} from '../core/api/bulk.ts';
import { type ErrorCode, errorCatalog } from '../core/errors.ts';
import type { CommandIo } from '../runtime/command-line/io.ts';
import { ReportedError } from '../runtime/command-line/last-words.ts';
import { countUpTo } from '../runtime/command-line/parsers.ts';
import { count, Progress } from './import/progress.ts';
import { readAnswer } from './import/read-answer.ts';
import type { Lines, Query } from './operator-client.ts';
import type { Session } from './operator-command.ts';

const MOST = 100_000_000;

/** Says what `command` does, short among others, and in its own help with what --json gives. */
export function describeChange(command: Command, does: string): Command {
  const report = '{"dryRun", "counts", "devices", "certificates", "requests"}';
  return command
    .summary(does)
    .description(`${does} With --json, one document: ${report}, also for a dry run.`);
}

export interface ChangeFlags {
  readonly dryRun?: true;
  readonly atMost?: number;
}

export interface ChangeOrder {
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

/** Shows how far it is, and resolves with whom it concerned once that is certain. @throws as `readAnswer` */
export async function orderChange(
  { api }: Session,
  io: CommandIo,
  { path, body, query = {}, done }: ChangeOrder,
): Promise<ChangeReport> {
  const progress = new Progress(io);
  const devices: ChangingDevice[] = [];
  const certificates: ChangingCertificate[] = [];
  try {
    const result = await readAnswer<
      ChangeResult,
      Exclude<ChangeAnswer, { result: unknown } | { problem: unknown }>
    >(
      api.exchange<ChangeAnswer>(path, body, query),
      (written, of) => progress.show(done, written, of),
      (line) => {
        if ('devices' in line) devices.push(...line.devices);
        if ('certificates' in line) certificates.push(...line.certificates);
      },
    );
    return { ...result, counts: { ...result.counts, requests: 0 }, devices, certificates, requests: [] };
  } finally {
    progress.end();
  }
}

/** `dry run: 500 devices and 512 certificates to be revoked`; of a dry run, whom before that. */
export function tellReport(
  { output }: Session,
  report: ChangeReport,
  what: 'devices' | 'certificates',
  done: string,
): void {
  output.result(report, () => {
    const summary = summaryOf(report, what, done);
    if (!report.dryRun) return summary;
    return [...report.devices.map(renderDevice), ...report.certificates.map(renderCertificate), summary].join(
      '\n',
    );
  });
}

function summaryOf(
  { dryRun, counts: { devices, certificates, unchanged } }: ChangeReport,
  what: 'devices' | 'certificates',
  done: string,
): string {
  const numbers =
    what === 'certificates'
      ? numberOf(certificates, 'certificate')
      : `${numberOf(devices, 'device')} and ${numberOf(certificates, 'certificate')}`;
  const before = unchanged > 0 ? `; ${count(unchanged)} more were before` : '';
  return (dryRun ? `dry run: ${numbers} to be ${done}` : `${done}: ${numbers}`) + before;
}

function numberOf(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** Names as the lines that the server takes. */
export function linesOf(field: 'id' | 'serialNumber', names: readonly string[]): Lines {
  const bytes = Buffer.from(names.map((name) => `${JSON.stringify({ [field]: name })}\n`).join(''));
  return { chunks: [bytes], length: bytes.length };
}

/**
 * What the server refuses of `linesOf` these names, by name: whoever typed them knows of no lines.
 * @returns any other error as it is
 */
export function refusalOfNames(error: unknown, names: readonly string[]): unknown {
  if (!(error instanceof ReportedError) || error.words.code !== 'list_refused') return error;
  const { errors = [], errorCount = errors.length } = error.words;
  const [first] = errors;
  if (first !== undefined && names.length === 1) {
    const { code, detail } = first;
    const remedy = errorCatalog[code as ErrorCode]?.remedy ?? error.words.remedy;
    return new ReportedError({ code, detail, remedy });
  }
  return new ReportedError({
    ...error.words,
    detail: `${errorCount} of ${names.length} cannot be changed so, and none was`,
    errors: errors.map(({ line = 0, ...rest }) => ({ ...rest, name: names[line - 1] })),
  });
}

function renderDevice({ id, certificates }: ChangingDevice): string {
  return [id, ...certificates].join('  ');
}

function renderCertificate({ serialNumber, device }: ChangingCertificate): string {
  return `${serialNumber}  ${device ?? "(Gatehouse's own)"}`;
}
