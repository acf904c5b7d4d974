/** What the benchmark found, as it is printed with --json. */
import type { Sample } from '../harness/closed-loop.ts';
import { describeMachine, type Machine } from '../harness/machine.ts';
import type { Usage } from '../harness/server-process.ts';
import { median, type Spread, spreadOf } from '../harness/statistics.ts';
import type { BenchmarkOptions } from './benchmark.ts';
import type { Publication } from './revocations.ts';

export interface Report {
  readonly machine: Machine & { /** Null where it is not installed. */ readonly openssl: string | null };
  readonly load: Pick<
    BenchmarkOptions,
    'devices' | 'revoked' | 'rounds' | 'requests' | 'clients' | 'revocations' | 'lists'
  >;
  readonly ocsp: readonly OcspReport[];
  readonly revocation: {
    /** From the request to the answer, when it is durable. */
    readonly latency: Spread;
    /** Processor time of the thread that answers, and of all threads: CRLs are built meanwhile. */
    readonly loopMilliseconds: number;
    readonly cpuMilliseconds: number;
  };
  readonly list: {
    readonly bytes: number;
    /** What it took to build, sign and store a full list and its delta, on average: as Gatehouse's own metrics say. */
    readonly issueMilliseconds: number;
    /** From a revocation's answer until the list that is served names it. */
    readonly delay: Spread;
    /** How long a request for next to nothing took meanwhile. */
    readonly wait: Spread;
  };
  readonly memory: Pick<Usage, 'residentBytes' | 'peakResidentBytes'>;
}

/** Medians over the rounds. */
export interface OcspReport {
  readonly server: string;
  /** Each request with a nonce has to be signed for; one without need not be. */
  readonly nonce: boolean;
  readonly perSecond: number;
  readonly cpuMilliseconds: number;
  readonly latency: Spread;
  readonly serverBusy: number;
  readonly loadBusy: number;
  readonly residentBytes: number;
  /** Over the peer's with the same requests; null where it is missing, and for the peer itself. */
  readonly toPeer: number | null;
}

export interface OcspFindings {
  readonly name: string;
  readonly nonce: boolean;
  readonly samples: readonly Sample[];
  readonly usage: Usage;
}

export interface Findings {
  readonly options: BenchmarkOptions;
  readonly pinned: boolean;
  readonly openssl: string | undefined;
  readonly ocsp: readonly OcspFindings[];
  readonly revoking: Sample;
  readonly publication: Publication;
  /** Of Gatehouse, at the end. */
  readonly metrics: string;
  readonly usage: Usage;
}

export function reportOn({ options, pinned, openssl, ocsp, ...findings }: Findings): Report {
  const { devices, revoked, rounds, requests, clients, revocations, lists } = options;
  const { revoking, publication, metrics, usage } = findings;
  const described = ocsp.map(describe);
  return {
    machine: { ...describeMachine(pinned), openssl: openssl ?? null },
    load: { devices, revoked, rounds, requests, clients, revocations, lists },
    ocsp: described.map((one) => {
      const peer = described.find(
        ({ server, nonce }) => nonce === one.nonce && server !== described[0]?.server,
      );
      return { ...one, toPeer: peer === undefined || peer === one ? null : one.perSecond / peer.perSecond };
    }),
    revocation: {
      latency: spreadOf(revoking.latencies),
      loopMilliseconds: revoking.loopMilliseconds,
      cpuMilliseconds: revoking.cpuMilliseconds,
    },
    list: {
      bytes: publication.bytes,
      issueMilliseconds: meanOf('gatehouse_crl_issue_seconds', metrics) * 1_000,
      delay: spreadOf(publication.delays),
      wait: spreadOf(publication.waits),
    },
    memory: { residentBytes: usage.residentBytes, peakResidentBytes: usage.peakResidentBytes },
  };
}

/** Of a histogram in the text that Prometheus reads, whatever its labels. */
function meanOf(histogram: string, metrics: string): number {
  const total = (part: 'sum' | 'count') =>
    [...metrics.matchAll(new RegExp(`^${histogram}_${part}(?:\\{.*\\})? (\\S+)$`, 'gm'))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  return total('sum') / total('count');
}

function describe({ name, nonce, samples, usage }: OcspFindings): Omit<OcspReport, 'toPeer'> {
  const medianOf = (figure: (sample: Sample) => number) => median(samples.map(figure));
  return {
    server: name,
    nonce,
    perSecond: medianOf(({ perSecond }) => perSecond),
    cpuMilliseconds: medianOf(({ cpuMilliseconds }) => cpuMilliseconds),
    latency: spreadOf(samples.flatMap(({ latencies }) => latencies)),
    serverBusy: medianOf(({ serverBusy }) => serverBusy),
    loadBusy: medianOf(({ loadBusy }) => loadBusy),
    residentBytes: usage.residentBytes,
  };
}
