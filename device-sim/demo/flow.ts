/**
 * The flow that Gatehouse is for: twenty devices enroll, connect and publish, a service reads what they say, and
 * one of them is revoked in the midst of it.
 */
import { setMaxListeners } from 'node:events';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import { deviceTopics } from '../device/topics.ts';
import type { Identity } from '../identity/identity.ts';
import { Backend } from './backend.ts';
import { within } from './outcome.ts';
import { Publisher } from './publisher.ts';
import type { Stage } from './stage.ts';
import type { Timeline } from './timeline.ts';
import { compare, type Figures, type Row } from './verdict.ts';

const DEVICES = 20;
/** Traffic before and after the revocation. */
const TRAFFIC_MS = 1_000;
const CUT_OFF_WITHIN_MS = 1_000;
const WILL = 'the connection broke';
/** Where the service would see it. */
const willTopic = (id: DeviceId) => `${deviceTopics(id).telemetry}/will`;

export interface FlowResult {
  readonly rows: readonly Row[];
  readonly figures: Omit<Figures, 'seconds'>;
  /** The devices that are still in, for the attacks to act upon. */
  readonly devices: readonly Identity[];
  readonly backend: Backend;
}

export async function runFlow(stage: Stage, timeline: Timeline): Promise<FlowResult> {
  const stop = new AbortController();
  // Every device waits on it.
  setMaxListeners(0, stop.signal);
  const identities = await timeline.step('enroll', () => enrollAll(stage));
  const backend = await timeline.step('service', () => startBackend(stage));
  const publishers = await timeline.step('connect', () => connectAll(stage, identities, stop.signal));
  const [revoked, ...others] = publishers;
  if (revoked === undefined) throw new Error('there are no devices');

  const measured = await timeline.step('traffic and revocation', async () => {
    await stage.pause(TRAFFIC_MS);
    const revocation = await revokeInFullFlow(stage, revoked);
    await stage.pause(TRAFFIC_MS);
    stop.abort();
    await Promise.all(publishers.map(({ done }) => done));

    const acknowledged = sum(others.map((other) => other.acknowledged));
    const counted = () => sum(others.map(({ identity }) => backend.count(identity.deviceId)));
    await backend.until(() => counted() >= acknowledged);
    const connected = await Promise.all(others.map((other) => other.isConnected()));
    return {
      ...revocation,
      others: others.length,
      connected: connected.filter(Boolean).length,
      acknowledged,
      received: counted(),
      willArrived: backend.has(willTopic(revoked.identity.deviceId), WILL),
    };
  });

  return {
    rows: [
      compare(`${DEVICES} devices enroll`, certificates(DEVICES), certificates(identities.length)),
      ...judge(measured),
    ],
    figures: {
      devices: DEVICES,
      enrollMs: timeline.milliseconds('enroll'),
      connectMs: timeline.milliseconds('connect'),
      messagesAcknowledged: measured.acknowledged,
      messagesReceived: measured.received,
      revokeCallMs: measured.callMs,
      revokeCutOffMs: measured.cutOffMs,
    },
    devices: others.map(({ identity }) => identity),
    backend,
  };
}

async function enrollAll(stage: Stage): Promise<Identity[]> {
  const token = await stage.token({ maxUses: DEVICES, device: 'sim-*' });
  const ids = Array.from({ length: DEVICES }, (_, index) => `sim-${String(index + 1).padStart(4, '0')}`);
  return Promise.all(ids.map((id) => stage.enroll(parseDeviceId(id), { token })));
}

async function startBackend(stage: Stage): Promise<Backend> {
  const identity = await stage.enroll(parseDeviceId('backend'), { group: 'services' });
  return Backend.start(await stage.connect(identity), stage.signal);
}

function connectAll(
  stage: Stage,
  identities: readonly Identity[],
  signal: AbortSignal,
): Promise<Publisher[]> {
  return Promise.all(
    identities.map(async (identity) => {
      const will = { topic: willTopic(identity.deviceId), payload: WILL, retain: false };
      return new Publisher(identity, await stage.connect(identity, { will }), signal);
    }),
  );
}

/** Both from the start of the operator's call; the cut-off is null where it did not come. */
async function revokeInFullFlow(stage: Stage, { identity, session }: Publisher) {
  const begun = performance.now();
  const elapsed = () => Math.round(performance.now() - begun);
  const cutOff = session.closed.then(elapsed);
  await stage.operator.revoke(identity.deviceId);
  const callMs = elapsed();
  const cutOffMs = (await within(5 * CUT_OFF_WITHIN_MS, cutOff)) ? await cutOff : null;
  return { callMs, cutOffMs };
}

interface Measured {
  /** Milliseconds; null where it was not cut off. */
  readonly cutOffMs: number | null;
  readonly willArrived: boolean;
  /** How many devices were not revoked, and how many of them are still connected. */
  readonly others: number;
  readonly connected: number;
  /** Their messages. */
  readonly acknowledged: number;
  readonly received: number;
}

function judge({ cutOffMs, willArrived, others, connected, acknowledged, received }: Measured): Row[] {
  return [
    compare(
      'a device revoked while all publish',
      `cut off within ${CUT_OFF_WITHIN_MS} ms`,
      cutOffMs === null ? 'still connected' : `cut off after ${cutOffMs} ms`,
      cutOffMs !== null && cutOffMs <= CUT_OFF_WITHIN_MS,
    ),
    compare('its last will', 'not published', willArrived ? 'published' : 'not published'),
    compare(`the other ${others} meanwhile`, `${others} still connected`, `${connected} still connected`),
    compare('their acknowledged messages, at the service', `${acknowledged} arrived`, `${received} arrived`),
  ];
}

function certificates(count: number): string {
  return `${count} certificates`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
