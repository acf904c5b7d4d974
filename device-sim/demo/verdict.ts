/** Rows with their verdicts, and the table that shows them. */
import { styleText } from 'node:util';
import type { Output } from '../../runtime/command-line/output.ts';

export interface Row {
  readonly what: string;
  readonly expected: string;
  readonly happened: string;
  readonly ok: boolean;
}

export interface Verdict {
  readonly rows: readonly Row[];
  readonly figures: Figures;
}

export interface Figures {
  readonly devices: number;
  /** Milliseconds for all devices together. */
  readonly enrollMs: number;
  readonly connectMs: number;
  /** Of the devices that were not revoked: acknowledged to them, and counted by the service. */
  readonly messagesAcknowledged: number;
  readonly messagesReceived: number;
  /** Milliseconds from the start of the call to revoke until it returned, and until the socket was closed: null if it was not. */
  readonly revokeCallMs: number;
  readonly revokeCutOffMs: number | null;
  /** Seconds, by step. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** A row that is as expected where the words are the same, unless `ok` says otherwise. */
export function compare(what: string, expected: string, happened: string, ok = expected === happened): Row {
  return { what, expected, happened, ok };
}

const WIDTHS = { what: 47, expected: 35, happened: 35 } as const;

export function tableHead(): string {
  return rowText('what', 'expected', 'happened', 'verdict');
}

export function renderRow(row: Row, { terminal }: Output): string {
  const { what, expected, happened, ok } = row;
  const verdict = ok ? 'ok' : 'DIFFERS';
  const shown = terminal ? styleText(ok ? 'green' : ['red', 'bold'], verdict) : verdict;
  return rowText(what, expected, happened, shown);
}

export function renderHeading(text: string, { terminal }: Output): string {
  return `\n${terminal ? styleText('bold', text) : text}`;
}

function rowText(what: string, expected: string, happened: string, verdict: string): string {
  const cells = [
    what.padEnd(WIDTHS.what),
    expected.padEnd(WIDTHS.expected),
    happened.padEnd(WIDTHS.happened),
    verdict,
  ];
  return `  ${cells.join('  ')}`;
}
