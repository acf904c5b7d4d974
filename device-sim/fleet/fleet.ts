/**
 * A fleet of devices that goes through its life in step: all enroll, then all connect, then all publish, so that
 * each leg can be measured by itself. The composition root of `gatehouse-sim fleet`.
 */
import { once, setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Output } from '../../runtime/command-line/output.ts';
import { createEnrollClient, type EnrollClient } from '../contract/enroll-client.ts';
import { openSession } from '../contract/mqtt-session.ts';
import { type Backoff, defaultBackoff } from '../device/backoff.ts';
import { type DeviceOptions, type Occupation, runDevice } from '../device/device.ts';
import { sleep } from '../device/sleep.ts';
import { folderStorage, memoryStorage } from '../identity/identity-storage.ts';
import type { KeyType } from '../identity/private-key.ts';
import { Figures } from './figures.ts';
import { createLimiter } from './limiter.ts';
import { Member } from './member.ts';
import { Phase } from './phase.ts';
import { showProgress } from './progress.ts';
import { buildReport, type FleetReport } from './report.ts';
import { publishAtRate, type Traffic } from './traffic.ts';

/** Enrollments and handshakes that run at a time: enough to keep a server busy, few enough not to flood it. */
const ENROLLING_AT_ONCE = 16;
const CONNECTING_AT_ONCE = 32;
/** A fleet is there to be measured: it gives up on what a device in the field would go on trying. */
const MAX_FAILURES = 8;
const fleetBackoff: Backoff = { ...defaultBackoff, cap: 10_000 };
/** How long the last messages may take to be acknowledged. */
const DRAIN_MS = 10_000;
const DRAIN_POLL_MS = 20;

export interface FleetOptions {
  readonly url: string;
  /** PEM text. */
  readonly ca: string;
  readonly token: string;
  /** Instead of the address that enrollment answered with. */
  readonly mqttUrl?: string;
  readonly devices: number;
  readonly prefix: string;
  readonly keyType: KeyType;
  /** Messages per second, of all devices together. */
  readonly rate: number;
  /** Milliseconds of traffic. */
  readonly duration: number;
  /** Where identities are left, and found again. */
  readonly out?: string;
}

export async function runFleet(
  options: FleetOptions,
  output: Output,
  interrupt: AbortSignal,
): Promise<FleetReport> {
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
  let trafficBegun: number | undefined;
  const endProgress = showProgress(output, {
    enrollment,
    connection,
    figures,
    trafficSeconds: () => (trafficBegun === undefined ? undefined : (stopwatch() - trafficBegun) / 1000),
    duration: options.duration / 1000,
  });
  const client = createEnrollClient({ ...options, connections: ENROLLING_AT_ONCE });
  let traffic: Traffic = { elapsed: 0, heldBack: 0 };
  try {
    enrollment.begin();
    const build = deviceBuilder(options, client, enrollment);
    const lives = Promise.all(members.map((member) => runDevice(build(member), signal)));
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

function deviceBuilder(
  { ca, token, mqttUrl, keyType, out }: FleetOptions,
  client: EnrollClient,
  enrollment: Phase,
): (member: Member) => DeviceOptions {
  const enrolling = createLimiter(ENROLLING_AT_ONCE);
  const connecting = createLimiter(CONNECTING_AT_ONCE);
  return (member) => ({
    storage: out === undefined ? memoryStorage() : folderStorage(join(out, member.id)),
    requestedId: member.id,
    keyType,
    enroll: (csr, signal) => enrolling(async () => (await client.enroll(token, csr, signal)).enrollment),
    connect: async (identity, signal) => {
      await enrollment.done;
      const url = mqttUrl ?? identity.mqttUrl;
      const clientId = identity.deviceId;
      return connecting(() => openSession({ url, ca, credentials: identity, clientId, signal }));
    },
    occupation: untilStopped,
    backoff: fleetBackoff,
    patience: null,
    clock: systemClock,
    sleep,
    maxFailures: MAX_FAILURES,
    observe: (state) => member.observe(state),
  });
}

/** A member publishes when the fleet tells it to; by itself it only stays online. */
const untilStopped: Occupation = async ({ signal }) => {
  if (!signal.aborted) await once(signal, 'abort');
};

async function drain(members: readonly Member[], stopwatch: () => number): Promise<void> {
  const deadline = stopwatch() + DRAIN_MS;
  while (members.some((member) => member.inFlight > 0) && stopwatch() < deadline) {
    await sleep(DRAIN_POLL_MS);
  }
}
