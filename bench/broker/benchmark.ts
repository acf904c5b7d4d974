/** The benchmark from start to end: certificates issued, both brokers up, rounds in turn, the report. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Device, enrollFleet } from '../harness/fleet.ts';
import { runGatehouse } from '../harness/gatehouse-command.ts';
import { startEnrollRole } from '../harness/gatehouse-process.ts';
import { type Pinning, pinToCores } from '../harness/pinning.ts';
import type { Course } from '../harness/program.ts';
import { type Identity, identityOf } from '../harness/session.ts';
import { percentile } from '../harness/statistics.ts';
import { measureConnects, measureIdle } from './connects.ts';
import { measureFlow } from './flow.ts';
import { measureOffline } from './offline.ts';
import { type Finding, type Report, reportOn, type Work } from './report.ts';
import { measureRoundTrips } from './round-trips.ts';
import { type MeasuredBroker, mosquittoVersion, startGatehouseBroker, startMosquitto } from './targets.ts';

export interface BenchmarkOptions extends Course {
  readonly rounds: number;
  /** Who publish to one subscriber. */
  readonly publishers: number;
  /** Of one throughput measurement. */
  readonly seconds: number;
  /** Connections that do nothing, and that come back after a restart. */
  readonly fleet: number;
  readonly connects: number;
  readonly messages: number;
}

const PAYLOAD_BYTES = 64;
const WINDOWS = { 0: 2_000, 1: 1_000 } as const;
const AT_ONCE = 64;
const ROUND_TRIPS = 2_000;
const SETTLE_MS = 3_000;

interface Cast {
  readonly devices: readonly Device[];
  readonly reader: Device;
}

export async function runBrokerBenchmark(options: BenchmarkOptions): Promise<Report> {
  const { rounds, say } = options;
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'));
  const pinning = pinToCores();
  const mosquitto = mosquittoVersion();
  if (mosquitto === undefined)
    say('mosquitto is not installed (apt-get install mosquitto): measuring without it');
  try {
    const findings: Finding[] = [];
    const data = join(folder, 'gatehouse');
    await runGatehouse('init', '--data', data, '--hostname', 'localhost,127.0.0.1');
    // It runs all the while, as in life; it has nothing to do.
    const enroll = await startEnrollRole({ data, pinning, signal: options.signal });
    try {
      const cast = await enrollCast(options, { data, folder, enroll });
      for (let round = 1; round <= rounds; round += 1) {
        for (const name of mosquitto === undefined ? ['Gatehouse'] : ['Gatehouse', 'Mosquitto']) {
          say(`round ${round} of ${rounds}: ${name} …`);
          const run = join(folder, `${name}-${round}`);
          const start = () => startBroker(name, { data, folder: run, cast, ca: enroll.ca, pinning, options });
          findings.push(...(await measureBroker(start, cast, options)));
        }
      }
    } finally {
      await enroll.process.stop();
    }
    return reportOn(findings, { rounds, pinned: pinning.pinned, mosquitto });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Devices without a limit to how much they publish, and one service that reads all of it. */
async function enrollCast(
  { publishers, fleet, signal, say }: BenchmarkOptions,
  {
    data,
    folder,
    enroll,
  }: {
    readonly data: string;
    readonly folder: string;
    readonly enroll: Awaited<ReturnType<typeof startEnrollRole>>;
  },
): Promise<Cast> {
  const policy = join(folder, 'policy.json');
  const limits = { messagesPerSecond: 1_000_000, bytesPerSecond: '1000MB', maxPayload: '128KB' };
  await writeFile(policy, JSON.stringify({ name: 'bench', publish: ['devices/{id}/telemetry'], limits }));
  await runGatehouse('policy', 'apply', policy, '--data', data);
  await runGatehouse('group', 'apply', '--data', data, ...groupOf('bench', 'bench'));
  say('certificates …');
  const count = Math.max(publishers, fleet);
  const devices = await enrollFleet({ enroll, data, count, group: 'bench', signal });
  const [reader] = await enrollFleet({ enroll, data, count: 1, group: 'services', prefix: 'reader', signal });
  if (reader === undefined) throw new Error('The reader was not enrolled');
  return { devices, reader };
}

function groupOf(name: string, policy: string): string[] {
  return ['--name', name, '--policy', policy, '--profile', 'device'];
}

interface BrokerSetting {
  readonly data: string;
  readonly folder: string;
  readonly ca: string;
  readonly cast: Cast;
  readonly pinning: Pinning;
  readonly options: BenchmarkOptions;
}

function startBroker(name: string, { cast, options, ...setting }: BrokerSetting): Promise<MeasuredBroker> {
  const { signal } = options;
  return name === 'Gatehouse'
    ? startGatehouseBroker({ ...setting, signal })
    : startMosquitto({ ...setting, reader: cast.reader.id, signal });
}

async function measureBroker(
  start: () => Promise<MeasuredBroker>,
  cast: Cast,
  options: BenchmarkOptions,
): Promise<Finding[]> {
  const { publishers, seconds, fleet, connects, messages, signal } = options;
  const findings: Finding[] = [];
  let broker = await start();
  const add = (work: Work, value: number) => findings.push({ broker: broker.name, work, value });
  try {
    const identities = cast.devices.map((device) => identityOf(device, broker.target));
    const subscriber = identityOf(cast.reader, broker.target);
    const { target, process: server } = broker;
    // First, while the process is as it was started.
    const members = identities.slice(0, fleet);
    const waits = { milliseconds: Math.min(SETTLE_MS, seconds * 1_000), atOnce: AT_ONCE };
    const idle = await measureIdle({ target, server, identities: members, ...waits, signal });
    add('idle', idle.bytesEach);
    await measureMessages({ broker, identities, subscriber, publishers, seconds, messages, signal, add });
    for (const resumed of [false, true]) {
      const [rate, cpu] = resumed ? (['resumed', 'resumedCpu'] as const) : (['full', 'fullCpu'] as const);
      const some = identities.slice(0, Math.min(200, identities.length));
      const common = { target, server, identities: some, atOnce: AT_ONCE, resumed, signal };
      const found = await measureConnects({ ...common, count: connects });
      add(rate, found.perSecond);
      add(cpu, found.cpuMilliseconds);
      if (!resumed) add('fullLoad', found.loadBusy * 100);
    }
  } finally {
    await broker.process.stop();
  }
  broker = await start();
  try {
    add('storm', await measureStorm(broker, cast.devices.slice(0, fleet), signal));
  } finally {
    await broker.process.stop();
  }
  return findings;
}

interface MessageWork {
  readonly broker: MeasuredBroker;
  readonly identities: readonly Identity[];
  readonly subscriber: Identity;
  readonly publishers: number;
  readonly seconds: number;
  readonly messages: number;
  readonly signal: AbortSignal;
  readonly add: (work: Work, value: number) => void;
}

async function measureMessages(work: MessageWork): Promise<void> {
  const { broker, identities, subscriber, publishers, seconds, messages, signal, add } = work;
  const { target, process: server } = broker;
  const common = { target, subscriber, payloadBytes: PAYLOAD_BYTES, signal };
  for (const qos of [0, 1] as const) {
    const flow = await measureFlow({
      ...common,
      server,
      publishers: identities.slice(0, publishers),
      qos,
      window: WINDOWS[qos],
      milliseconds: seconds * 1_000,
    });
    add(`qos${qos}`, flow.perSecond);
    add(`qos${qos}Cpu`, flow.cpuMicroseconds);
    add(`qos${qos}Load`, flow.loadBusy * 100);
  }
  const [publisher] = identities;
  if (publisher === undefined) throw new Error('There are no devices');
  const latencies = await measureRoundTrips({
    ...common,
    publisher,
    qos: 0,
    messages: Math.min(ROUND_TRIPS, messages),
  });
  add('roundTrip', percentile(latencies, 0.5));
  add('roundTripP99', percentile(latencies, 0.99));
  const offline = await measureOffline({ ...common, server, publisher, messages });
  if (offline.drained < messages) {
    throw new Error(`${broker.name} gave back ${offline.drained} of ${messages} messages`);
  }
  add('queued', offline.queuedPerSecond);
  add('drained', offline.drainedPerSecond);
}

/** All of the fleet at once, each with a full handshake, as after a restart of a broker that knows no tickets. */
async function measureStorm(
  { target, process: server }: MeasuredBroker,
  devices: readonly Device[],
  signal: AbortSignal,
): Promise<number> {
  const identities = devices.map((device) => identityOf(device, target));
  const { perSecond } = await measureConnects({
    ...{ target, server, identities, count: identities.length, signal },
    ...{ atOnce: identities.length, resumed: false },
  });
  return identities.length / perSecond;
}
