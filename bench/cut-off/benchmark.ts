/** The benchmark from start to end: a fleet enrolled and connected, devices revoked one by one and in bulk, the report. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseDeviceId } from '../../core/ids.ts';
import { within } from '../harness/deadline.ts';
import { type ConnectedDevice, connectFleet, enrollFleet } from '../harness/fleet.ts';
import { runGatehouse, runToItsEnd } from '../harness/gatehouse-command.ts';
import {
  type BrokerProcess,
  type EnrollProcess,
  startBrokerRole,
  startEnrollRole,
} from '../harness/gatehouse-process.ts';
import { describeMachine, type Machine } from '../harness/machine.ts';
import { openOperatorApi } from '../harness/operator-api.ts';
import { pinToCores } from '../harness/pinning.ts';
import type { Course } from '../harness/program.ts';
import { type Spread, spreadOf } from '../harness/statistics.ts';
import { startBystanders } from './bystanders.ts';

export interface BenchmarkOptions extends Course {
  /** Connected at the start. */
  readonly devices: number;
  /** Of them, revoked one after another. */
  readonly singles: number;
  /** Of them, revoked by one command. */
  readonly bulk: number;
  /** Of them, publishing all the while. */
  readonly bystanders: number;
}

/** All in ms. */
export interface Report {
  readonly machine: Machine;
  readonly load: Pick<BenchmarkOptions, 'devices' | 'singles' | 'bulk' | 'bystanders'>;
  readonly single: {
    /** From the request to the socket's close, and from its answer. */
    readonly fromRequest: Spread;
    readonly fromAnswer: Spread;
  };
  readonly bulk: {
    /** From the start of the command's process to each socket's close. */
    readonly fromStart: Spread;
    /** How long the command ran. */
    readonly command: number;
  };
  /** PUBACK of the others: before anything is revoked, while one is after another, and during the bulk. */
  readonly bystanders: { readonly before: Spread; readonly singles: Spread; readonly bulk: Spread };
  /** Of the broker, with the fleet connected. */
  readonly brokerBytes: number;
}

const QUIET_MS = 2_000;
/** Longer than that no session of a revoked device is to be waited for. */
const PATIENCE_MS = 30_000;

export async function runCutOffBenchmark(options: BenchmarkOptions): Promise<Report> {
  const { signal } = options;
  const data = join(await mkdtemp(join(tmpdir(), 'gatehouse-bench-')), 'data');
  const pinning = pinToCores();
  try {
    await runGatehouse('init', '--data', data, '--hostname', 'localhost,127.0.0.1');
    const enroll = await startEnrollRole({ data, pinning, signal });
    try {
      const broker = await startBrokerRole({ data, pinning, signal });
      try {
        return await measure(options, { data, enroll, broker, pinned: pinning.pinned });
      } finally {
        await broker.process.stop();
      }
    } finally {
      await enroll.process.stop();
    }
  } finally {
    await rm(join(data, '..'), { recursive: true, force: true });
  }
}

interface Setting {
  readonly data: string;
  readonly enroll: EnrollProcess;
  readonly broker: BrokerProcess;
  readonly pinned: boolean;
}

async function measure(options: BenchmarkOptions, setting: Setting): Promise<Report> {
  const { devices: count, singles, bulk, bystanders: others, signal, say } = options;
  const { data, enroll, broker, pinned } = setting;
  say(`${count.toLocaleString('en-GB')} devices enroll …`);
  const devices = await enrollFleet({ enroll, data, count, signal });
  say('… and connect …');
  const target = { host: '127.0.0.1', port: Number(new URL(broker.mqttUrl).port), ca: enroll.ca };
  const fleet = await connectFleet({ target, devices, signal });
  const bystanders = startBystanders(fleet.slice(0, others));
  try {
    await pause(QUIET_MS, undefined, { signal });
    bystanders.take();
    await pause(QUIET_MS, undefined, { signal });
    const before = spreadOf(bystanders.take());

    say(`${singles} are revoked, one after another …`);
    const single = await revokeSingly(enroll, fleet.slice(others, others + singles), signal);
    const duringSingles = spreadOf(bystanders.take());

    say(`${bulk} are revoked by one command …`);
    const bulkReport = await revokeInBulk(
      data,
      fleet.slice(others + singles, others + singles + bulk),
      signal,
    );
    const duringBulk = spreadOf(bystanders.take());
    return {
      machine: describeMachine(pinned),
      load: { devices: count, singles, bulk, bystanders: others },
      single,
      bulk: bulkReport,
      bystanders: { before, singles: duringSingles, bulk: duringBulk },
      brokerBytes: broker.process.usage().residentBytes,
    };
  } finally {
    await bystanders.stop();
    await Promise.all(fleet.map((device) => device.close()));
  }
}

async function revokeSingly(enroll: EnrollProcess, devices: readonly ConnectedDevice[], signal: AbortSignal) {
  const api = await openOperatorApi(enroll);
  const [fromRequest, fromAnswer]: [number[], number[]] = [[], []];
  for (const { id, closed } of devices) {
    const requested = performance.now();
    await api.revoke(parseDeviceId(id));
    const answered = performance.now();
    const closedAt = await within(closed, { ms: PATIENCE_MS, what: `the end of ${id}`, signal });
    fromRequest.push(closedAt - requested);
    fromAnswer.push(Math.max(0, closedAt - answered));
  }
  await api.close();
  return { fromRequest: spreadOf(fromRequest), fromAnswer: spreadOf(fromAnswer) };
}

async function revokeInBulk(data: string, devices: readonly ConnectedDevice[], signal: AbortSignal) {
  const started = performance.now();
  const command = runToItsEnd('device', 'revoke', '--data', data, ...devices.map(({ id }) => id));
  const ended = command.then(() => performance.now());
  const closing = Promise.all([ended, ...devices.map((device) => device.closed)]);
  const [endedAt, ...closed] = await within(closing, {
    ms: PATIENCE_MS,
    what: 'the end of all of them',
    signal,
  });
  return {
    fromStart: spreadOf(closed.map((closedAt) => closedAt - started)),
    command: endedAt - started,
  };
}
