/** What the benchmark found, as it is printed with --json. */
import type { Sample } from '../harness/closed-loop.ts';
import { describeMachine, type Machine } from '../harness/machine.ts';
import { median, percentile } from '../harness/statistics.ts';
import type { BenchmarkOptions } from './benchmark.ts';
import type { Connections, Series, StoredBytes } from './series.ts';

export interface Report {
  readonly machine: PeeredMachine;
  readonly load: Pick<BenchmarkOptions, 'rounds' | 'requests' | 'handshakes' | 'clients'>;
  readonly series: readonly SeriesReport[];
  /** From the smallest registry to the largest; null where there is one only. */
  readonly growth: Growth | null;
}

export interface PeeredMachine extends Machine {
  /** Null where it is not installed. */
  readonly cfssl: string | null;
}

/** Medians over the rounds, unless it says otherwise. */
export interface SeriesReport {
  readonly server: string;
  readonly transport: 'http' | 'https';
  readonly connections: Connections;
  /** Registered at the start. */
  readonly devices: number | null;
  readonly perSecond: number;
  readonly perSecondByRound: readonly number[];
  /** Processor time of the server for one request. */
  readonly cpuMilliseconds: number;
  /** Of all requests of all rounds, in ms. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly longest: number };
  /** Shares of the time in which server and load had their cores: where the load's is near 1, it was the limit. */
  readonly serverBusy: number;
  readonly loadBusy: number;
  /** At the end. */
  readonly residentBytes: number;
  readonly peakResidentBytes: number;
  readonly stored: StoredBytes | null;
  /** Over those of the peer; null where it is missing, and for the peer itself. */
  readonly toPeer: Ratios | null;
}

/** Above 1: more enrollments a second, and more processor time for each. */
export interface Ratios {
  readonly perSecond: number;
  readonly cpuMilliseconds: number;
}

export interface Growth extends Ratios {
  readonly from: number;
  readonly to: number;
}

export interface Findings {
  readonly options: BenchmarkOptions;
  readonly pinned: boolean;
  readonly cfssl: string | undefined;
  readonly series: readonly Series[];
  readonly samples: ReadonlyMap<Series, readonly Sample[]>;
}

export function reportOn({ options, pinned, cfssl, series, samples }: Findings): Report {
  const { rounds, requests, handshakes, clients } = options;
  const described = series.map((one) => describe(one, samples.get(one) ?? []));
  const peer = described.find(({ devices }) => devices === null);
  return {
    machine: { ...describeMachine(pinned), cfssl: cfssl ?? null },
    load: { rounds, requests, handshakes, clients },
    series: described.map((one) => ({
      ...one,
      toPeer: peer === undefined || one === peer ? null : ratios(one, peer),
    })),
    growth: growthOver(described),
  };
}

type Described = Omit<SeriesReport, 'toPeer'>;

function describe({ server, connections }: Series, samples: readonly Sample[]): Described {
  const medianOf = (figure: (sample: Sample) => number) => median(samples.map(figure));
  const latencies = samples.flatMap((sample) => sample.latencies);
  const { residentBytes, peakResidentBytes } = server.process.usage();
  return {
    server: server.name,
    transport: server.ca === undefined ? 'http' : 'https',
    connections,
    devices: server.devices,
    perSecond: medianOf(({ perSecond }) => perSecond),
    perSecondByRound: samples.map(({ perSecond }) => perSecond),
    cpuMilliseconds: medianOf(({ cpuMilliseconds }) => cpuMilliseconds),
    latency: {
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      longest: percentile(latencies, 1),
    },
    serverBusy: medianOf(({ serverBusy }) => serverBusy),
    loadBusy: medianOf(({ loadBusy }) => loadBusy),
    residentBytes,
    peakResidentBytes,
    stored: server.storedBytes(),
  };
}

function growthOver(described: readonly Described[]): Growth | null {
  const kept = described
    .flatMap((one) =>
      one.connections === 'kept' && one.devices !== null ? { ...one, devices: one.devices } : [],
    )
    .sort((a, b) => a.devices - b.devices);
  const [first, last] = [kept[0], kept.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  return { from: first.devices, to: last.devices, ...ratios(last, first) };
}

function ratios(one: Ratios, other: Ratios): Ratios {
  return {
    perSecond: one.perSecond / other.perSecond,
    cpuMilliseconds: one.cpuMilliseconds / other.cpuMilliseconds,
  };
}
