/** The report for people. */
import { renderTable } from '../../cli/table.ts';
import { fixed, megabytes, percent, whole } from '../harness/figures.ts';
import { machineLines } from '../harness/machine.ts';
import type { Report, SeriesReport } from './report.ts';

const COLUMNS: readonly (readonly [title: string, cell: (series: SeriesReport) => string | null])[] = [
  ['server', ({ server }) => server],
  ['devices', ({ devices }) => (devices === null ? null : whole(devices))],
  [
    'over',
    ({ transport, connections }) => (connections === 'kept' ? transport : `${transport}, a handshake each`),
  ],
  ['a second', ({ perSecond }) => whole(perSecond)],
  ['to cfssl', ({ toPeer }) => toPeer && fixed(toPeer.perSecond)],
  ['CPU ms each', ({ cpuMilliseconds }) => fixed(cpuMilliseconds, 3)],
  ['to cfssl', ({ toPeer }) => toPeer && fixed(toPeer.cpuMilliseconds)],
  ['p50 ms', ({ latency }) => fixed(latency.p50, 1)],
  ['p99 ms', ({ latency }) => fixed(latency.p99, 1)],
  ['longest', ({ latency }) => fixed(latency.longest, 1)],
  ['busy', ({ serverBusy }) => percent(serverBusy)],
  ['load busy', ({ loadBusy }) => percent(loadBusy)],
  ['memory MB', ({ residentBytes }) => megabytes(residentBytes)],
  ['registry MB', ({ stored }) => stored && megabytes(stored.registry)],
  ['log MB', ({ stored }) => stored && megabytes(stored.log)],
];

export function renderReport({ machine, load, series, growth }: Report): string {
  const { cfssl } = machine;
  return [
    ...machineLines(machine, cfssl === null ? 'cfssl is not installed' : `cfssl ${cfssl}`),
    `${load.rounds} rounds of ${whole(load.requests)} requests (with a handshake each: ${whole(load.handshakes)}) by ${load.clients} clients, medians;`,
    '',
    renderTable(
      COLUMNS.map(([title]) => title),
      series.map((one) => COLUMNS.map(([, cell]) => cell(one))),
    ),
    ...(growth === null
      ? []
      : [
          '',
          `From ${whole(growth.from)} to ${whole(growth.to)} devices, an enrollment takes ${fixed(growth.cpuMilliseconds)} times the CPU time, at ${fixed(growth.perSecond)} times the rate.`,
        ]),
  ].join('\n');
}
