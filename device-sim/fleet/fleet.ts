/**
 * A fleet of devices that goes through its life in step: all enroll, then all connect, then all publish, so that
 * each leg can be measured by itself. The composition root of `gatehouse-sim fleet`.
 */
import { setMaxListeners } from 'node:events';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Output } from '../../runtime/command-line/output.ts';
import { createEnrollClient } from '../contract/enroll-client.ts';
import { runDevice } from '../device/device.ts';
import { wrongClockSentence } from '../device/narration.ts';
import { ServerTime } from '../device/server-time.ts';
import { sleep } from '../device/sleep.ts';
import { folderStorage, memoryStorage } from '../identity/identity-storage.ts';
import { TrustAnchors } from '../identity/trust-anchors.ts';
import { type AssemblyOptions, createAssembly, ENROLLING_AT_ONCE } from './assembly.ts';
import { Figures } from './figures.ts';
import { Member } from './member.ts';
import { Phase } from './phase.ts';
import { showProgress } from './progress.ts';
import { buildReport, type FleetReport } from './report.ts';
import { publishAtRate, type Traffic } from './traffic.ts';

/** How long the last messages may take to be acknowledged. */
const DRAIN_MS = 10_000;
const DRAIN_POLL_MS = 20;

export interface FleetOptions extends AssemblyOptions {
  readonly devices: number;
  readonly prefix: string;
  /** Messages per second, of all devices together. */
  readonly rate: number;
  /** Milliseconds of traffic. */
  readonly duration: number;
}

export async function runFleet(
  options: FleetOptions,
  output: Output,
  interrupt: AbortSignal,
): Promise<FleetReport> {
  const storage = options.out === undefined ? memoryStorage() : folderStorage(options.out);
  const trust = await TrustAnchors.open(storage, options.ca);
  const stopwatch = () => performance.now();
  const figures = new Figures();
  const enrollment = new Phase(options.devices, stopwatch);
  const connection = new Phase(options.devices, stopwatch);
  const members = memberIds(options).map(
    (id) => new Member({ id, enrollment, connection, figures, stopwatch }),
  );
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, interrupt]);
  // Every device waits on it.
  setMaxListeners(0, signal);
  const clock = new ServerTime({
    clock: systemClock,
    onWrongClock: (behind) => output.say(wrongClockSentence(behind)),
  });
  const client = createEnrollClient({
    url: options.url,
    ca: trust.pem,
    connections: ENROLLING_AT_ONCE,
    onServerTime: (time) => clock.learn(time),
  });
  let trafficBegun: number | undefined;
  const endProgress = showProgress(output, {
    enrollment,
    connection,
    figures,
    trafficSeconds: () => (trafficBegun === undefined ? undefined : (stopwatch() - trafficBegun) / 1000),
    duration: options.duration / 1000,
  });
  let traffic: Traffic = { elapsed: 0, heldBack: 0 };
  try {
    enrollment.begin();
    const assemble = createAssembly(options, { client, trust, enrollment, clock });
    const lives = Promise.all(members.map((member) => runDevice(assemble(member), signal)));
    // An error that no device foresees (a full disk, say) ends the whole fleet.
    await Promise.race([enrollment.done, lives]);
    connection.begin();
    await Promise.race([connection.done, lives]);
    const { rate, duration } = options;
    if (members.some(({ online }) => online)) {
      trafficBegun = stopwatch();
      traffic = await publishAtRate({ publishers: members, rate, duration, stopwatch, sleep, signal });
      await drain(members, stopwatch);
    }
    stop.abort();
    await lives;
  } finally {
    stop.abort();
    endProgress();
    await client.close();
  }
  return buildReport({ enrollment, connection, figures, traffic, rate: options.rate });
}

/** `sim-0001`, `sim-0002` …: the same names in every run, however many devices it has. */
function memberIds({ devices, prefix }: FleetOptions): DeviceId[] {
  return Array.from({ length: devices }, (_, index) =>
    parseDeviceId(`${prefix}${String(index + 1).padStart(4, '0')}`),
  );
}

async function drain(members: readonly Member[], stopwatch: () => number): Promise<void> {
  const deadline = stopwatch() + DRAIN_MS;
  while (members.some((member) => member.inFlight > 0) && stopwatch() < deadline) {
    await sleep(DRAIN_POLL_MS);
  }
}
