/** The benchmark from start to end: servers up, rounds in turn, the report, servers down. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sample } from '../harness/closed-loop.ts';
import { type Pinning, pinToCores } from '../harness/pinning.ts';
import type { Course } from '../harness/program.ts';
import { provideRegisteredData } from '../harness/registered-data.ts';
import { cfsslVersion, startCfssl } from './cfssl-server.ts';
import { startGatehouse } from './gatehouse-server.ts';
import { measure } from './load.ts';
import { type Report, reportOn } from './report.ts';
import type { Series, SigningServer } from './series.ts';
import { makeSigningRequests } from './signing-requests.ts';

export interface BenchmarkOptions extends Course {
  /** One Gatehouse for each of these numbers of registered devices. */
  readonly devices: readonly number[];
  /** Besides the first one, which warms up and is not counted. */
  readonly rounds: number;
  /** In each round, over connections that are kept. */
  readonly requests: number;
  /** In each round, each over a connection of its own; 0 for none. */
  readonly handshakes: number;
  /** How many ask at one time. */
  readonly clients: number;
  /** A folder in which filled data folders are kept for later runs; undefined to keep none. */
  readonly keep?: string | undefined;
}

/** Requests of each client before the measured ones: connections open, the core's caches the server's own again. */
const RUN_IN_PER_CLIENT = 4;

export async function runEnrollmentBenchmark(options: BenchmarkOptions): Promise<Report> {
  const { devices, signal, say } = options;
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'));
  const servers: SigningServer[] = [];
  try {
    const pinning = pinToCores();
    const cfssl = cfsslVersion();
    if (cfssl === undefined)
      say('cfssl is not installed (apt-get install golang-cfssl): measuring without it');
    else servers.push(await startCfssl({ folder: join(folder, 'cfssl'), pinning, signal }));
    for (const count of devices) servers.push(await startFilledGatehouse(count, folder, pinning, options));

    const series = servers.flatMap((server) => seriesOf(server, options));
    const samples = await measureInTurn(series, options);
    return reportOn({ options, pinned: pinning.pinned, cfssl, series, samples });
  } finally {
    await Promise.all(servers.map(({ process }) => process.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function startFilledGatehouse(
  devices: number,
  folder: string,
  pinning: Pinning,
  { keep, signal, say }: BenchmarkOptions,
): Promise<SigningServer> {
  const data = join(folder, `gatehouse-${devices}`);
  say(`a registry of ${devices.toLocaleString('en-GB')} devices …`);
  await provideRegisteredData({ devices, data, keep, signal });
  return startGatehouse({ data, devices, pinning, signal });
}

function seriesOf(server: SigningServer, { requests, handshakes }: BenchmarkOptions): Series[] {
  const kept: Series = { server, connections: 'kept', requests };
  const handshake: Series = { server, connections: 'one a request', requests: handshakes };
  return server.ca === undefined || handshakes === 0 ? [kept] : [kept, handshake];
}

/** One after another within a round, so that what the machine does besides meets all of them alike. */
async function measureInTurn(
  series: readonly Series[],
  { rounds, requests, handshakes, clients, signal, say }: BenchmarkOptions,
): Promise<Map<Series, Sample[]>> {
  const runIn = clients * RUN_IN_PER_CLIENT;
  const samples = new Map<Series, Sample[]>(series.map((one) => [one, []]));
  for (let round = 0; round <= rounds; round += 1) {
    say(round === 0 ? 'warming up …' : `round ${round} of ${rounds} …`);
    for (const connections of ['kept', 'one a request'] as const) {
      const inTurn = series.filter((one) => one.connections === connections);
      // The very same for all of them: whoever is asked must not have an easier question.
      const count = connections === 'kept' ? requests : handshakes;
      const asked = await makeSigningRequests(inTurn.length === 0 ? 0 : runIn + count, signal);
      const batch = { runIn: asked.slice(0, runIn), requests: asked.slice(runIn) };
      for (const one of inTurn) {
        const sample = await measure({ series: one, clients, ...batch, signal });
        if (round > 0) samples.get(one)?.push(sample);
      }
    }
  }
  return samples;
}
