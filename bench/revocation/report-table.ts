/** The report for people. */
import { renderTable } from '../../cli/table.ts';
import { fixed, megabytes, percent, whole } from '../harness/figures.ts';
import { machineLines } from '../harness/machine.ts';
import type { Spread } from '../harness/statistics.ts';
import type { OcspReport, Report } from './report.ts';

const COLUMNS: readonly (readonly [title: string, cell: (one: OcspReport) => string | null])[] = [
  ['OCSP', ({ server }) => server],
  ['nonce', ({ nonce }) => (nonce ? 'yes' : 'no')],
  ['a second', ({ perSecond }) => whole(perSecond)],
  ['to openssl', ({ toPeer }) => (toPeer === null ? null : fixed(toPeer))],
  ['CPU ms each', ({ cpuMilliseconds }) => fixed(cpuMilliseconds, 3)],
  ['p50 ms', ({ latency }) => fixed(latency.p50, 1)],
  ['p99 ms', ({ latency }) => fixed(latency.p99, 1)],
  ['busy', ({ serverBusy }) => percent(serverBusy)],
  ['load busy', ({ loadBusy }) => percent(loadBusy)],
  ['memory MB', ({ residentBytes }) => megabytes(residentBytes)],
];

export function renderReport({ machine, load, ocsp, revocation, list, memory }: Report): string {
  const { openssl } = machine;
  return [
    ...machineLines(machine, openssl ?? 'openssl is not installed'),
    `a registry of ${whole(load.devices)} devices, ${whole(load.revoked)} of them revoked`,
    '',
    `OCSP: ${load.rounds} rounds of ${whole(load.requests)} requests by ${load.clients} clients, medians`,
    renderTable(
      COLUMNS.map(([title]) => title),
      ocsp.map((one) => COLUMNS.map(([, cell]) => cell(one))),
    ),
    '',
    renderTable(
      ['', 'p50 ms', 'p99 ms', 'longest'],
      [
        spread(`${whole(load.revocations)} revocations, one after another`, revocation.latency),
        spread('until the CRL names it', list.delay),
        spread('another request meanwhile', list.wait),
      ],
    ),
    '',
    `A revocation takes ${fixed(revocation.loopMilliseconds)} ms of the event loop's thread, ${fixed(revocation.cpuMilliseconds)} ms of all threads.`,
    `The CRL has ${megabytes(list.bytes)} MB; with its delta, it takes ${fixed(list.issueMilliseconds, 0)} ms. Memory: ${megabytes(memory.residentBytes)} MB, at most ${megabytes(memory.peakResidentBytes)} MB.`,
  ].join('\n');
}

function spread(name: string, { p50, p99, longest }: Spread): string[] {
  return [name, fixed(p50, 1), fixed(p99, 1), fixed(longest, 1)];
}
