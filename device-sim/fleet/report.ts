/** The closing report of a fleet: one object for programs, a few lines for people. */
import { type ErrorCode, errorCatalog, isErrorCode } from '../../core/errors.ts';
import type { Figures, Latency } from './figures.ts';
import type { Phase } from './phase.ts';
import type { Traffic } from './traffic.ts';

export type Counts = Readonly<Partial<Record<ErrorCode, number>>>;

export interface FleetReport {
  /** False where anything failed, was lost or was not renewed, or a device did not even get connected. */
  readonly ok: boolean;
  readonly devices: number;
  readonly enrolled: { readonly count: number; readonly seconds: number; readonly perSecond: number };
  /** Devices that went on with an identity of an earlier run. */
  readonly resumed: number;
  readonly connected: { readonly count: number; readonly seconds: number; readonly perSecond: number };
  readonly renewed: {
    readonly count: number;
    /** Devices whose latest attempt failed and was not made good. */
    readonly undone: number;
    /** Attempts that failed, by code. */
    readonly retries: Counts;
    /** How long devices were away to come back with the new certificate, in ms; null where none was. */
    readonly awayMs: Latency | null;
  };
  readonly messages: {
    readonly sent: number;
    readonly acknowledged: number;
    /** Sent, and not acknowledged before the connection ended. */
    readonly lost: number;
    readonly heldBack: number;
    readonly seconds: number;
    /** Acknowledged ones. */
    readonly perSecond: number;
    readonly asked: number;
  };
  /** Milliseconds; null where nothing was acknowledged. */
  readonly latencyMs: Latency | null;
  /** How many, by code; those of renewals apart. */
  readonly failures: Counts;
  readonly retries: Counts;
}

export interface ReportInput {
  readonly enrollment: Phase;
  readonly connection: Phase;
  readonly figures: Figures;
  readonly traffic: Traffic;
  /** Messages per second that were asked for. */
  readonly rate: number;
}

export function buildReport({ enrollment, connection, figures, traffic, rate }: ReportInput): FleetReport {
  const seconds = traffic.elapsed / 1000;
  return {
    ok:
      figures.failures.size === 0 &&
      figures.lost === 0 &&
      figures.unrenewed.size === 0 &&
      connection.succeeded === connection.total,
    devices: enrollment.total,
    enrolled: throughput(enrollment.succeeded - figures.resumed, enrollment.seconds),
    resumed: figures.resumed,
    connected: throughput(connection.succeeded, connection.seconds),
    renewed: {
      count: figures.renewed,
      undone: figures.unrenewed.size,
      retries: asRecord(figures.renewalRetries),
      awayMs: figures.absence,
    },
    messages: {
      sent: figures.sent,
      acknowledged: figures.acknowledged,
      lost: figures.lost,
      heldBack: traffic.heldBack,
      ...withoutCount(throughput(figures.acknowledged, seconds)),
      asked: rate,
    },
    latencyMs: figures.latency,
    failures: asRecord(figures.failures),
    retries: asRecord(figures.retries),
  };
}

function asRecord(counts: ReadonlyMap<ErrorCode, number>): Counts {
  return Object.fromEntries(counts);
}

function throughput(count: number, seconds: number) {
  return { count, seconds: round(seconds), perSecond: seconds === 0 ? 0 : round(count / seconds) };
}

function withoutCount({ seconds, perSecond }: ReturnType<typeof throughput>) {
  return { seconds, perSecond };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function renderReport(report: FleetReport): string {
  const { enrolled, resumed, connected, messages, latencyMs } = report;
  const heldBack = messages.heldBack === 0 ? '' : `, ${number(messages.heldBack)} held back`;
  const lost = messages.lost === 0 ? '' : `, ${number(messages.lost)} lost`;
  const lines: [string, string][] = [
    ['enrolled', `${pace(enrolled)}${resumed === 0 ? '' : `, ${number(resumed)} went on as before`}`],
    ['connected', `${pace(connected)} of ${number(report.devices)} devices`],
    [
      'messages',
      `${number(messages.acknowledged)} acknowledged of ${number(messages.sent)} in ${messages.seconds} s, ` +
        `${number(messages.perSecond)}/s of the ${number(messages.asked)}/s asked for${heldBack}${lost}`,
    ],
    ...renewalLines(report),
    ['latency', latencyMs === null ? 'nothing to measure' : renderLatency(latencyMs)],
    ['retries', renderCounts(report.retries)],
    ['failures', renderCounts(report.failures)],
  ];
  return [...lines.map(([name, text]) => `  ${name.padEnd(10)} ${text}`), ...renderRemedies(report)].join(
    '\n',
  );
}

/** Nothing of a fleet whose certificates did not fall due. */
function renewalLines({ renewed }: FleetReport): [string, string][] {
  const { count, undone, retries, awayMs } = renewed;
  if (count === 0 && undone === 0) return [];
  const again = Object.keys(retries).length === 0 ? '' : `, failed attempts: ${renderCounts(retries)}`;
  const left = undone === 0 ? '' : `, ${number(undone)} UNDONE`;
  const lines: [string, string][] = [['renewed', `${number(count)} certificates${again}${left}`]];
  if (awayMs !== null) lines.push(['away', `${renderLatency(awayMs)}, to come back with the new one`]);
  return lines;
}

/** What to do about each code that failed. */
function renderRemedies({ failures, renewed }: FleetReport): string[] {
  const codes = renewed.undone === 0 ? failures : { ...renewed.retries, ...failures };
  return Object.keys(codes)
    .filter(isErrorCode)
    .map((code) => `  ${code}: ${errorCatalog[code].remedy}`);
}

function pace({ count, seconds, perSecond }: FleetReport['enrolled']): string {
  return count === 0 ? 'none' : `${number(count)} in ${seconds} s, ${number(perSecond)}/s`;
}

function renderLatency({ p50, p95, p99, max }: Latency): string {
  const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
  return `p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, at most ${ms(max)}`;
}

function renderCounts(counts: Counts): string {
  const entries = Object.entries(counts);
  if (entries.length === 0) return 'none';
  return entries.map(([code, count]) => `${code} ${number(count)}`).join(', ');
}

function number(value: number): string {
  return value.toLocaleString('en-GB', { maximumFractionDigits: value < 10 ? 2 : 0 });
}
