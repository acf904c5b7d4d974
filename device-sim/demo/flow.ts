/**
 * The flow that Gatehouse is for: twenty devices enroll, connect and publish, a service reads what they say, and
 * one of them is revoked in the midst of it.
 */
import { setMaxListeners } from 'node:events';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import type { Session } from '../contract/mqtt-session.ts';
import { createThermometer } from '../device/readings.ts';
import { sleep } from '../device/sleep.ts';
import { deviceTopics } from '../device/topics.ts';
import type { Identity } from '../identity/identity.ts';
import { Backend } from './backend.ts';
import { within } from './outcome.ts';
import type { Stage } from './stage.ts';
import type { Timeline } from './timeline.ts';
import type { Figures, Row } from './verdict.ts';

export const DEVICES = 20;
const PUBLISH_INTERVAL_MS = 40;
/** Traffic before and after the revocation. */
const TRAFFIC_MS = 1_000;
const CUT_OFF_WITHIN_MS = 1_000;

export interface FlowResult {
  readonly rows: readonly Row[];
  readonly figures: Omit<Figures, 'seconds'>;
  /** The devices that are still in, for the attacks to act upon. */
  readonly devices: readonly Identity[];
  readonly backend: Backend;
}

/** A connected device that publishes until it is told to stop or its connection ends. */
class Publisher {
  readonly identity: Identity;
  readonly session: Session;
  acknowledged = 0;
  /** Resolves when it publishes no more. */
  readonly done: Promise<void>;
  readonly #measure = createThermometer();

  constructor(identity: Identity, session: Session, signal: AbortSignal) {
    this.identity = identity;
    this.session = session;
    this.done = this.#publish(signal);
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const { telemetry } = deviceTopics(this.identity.deviceId);
    try {
      while (!signal.aborted) {
        await this.session.publish(telemetry, JSON.stringify(this.#measure(Date.now())));
        this.acknowledged += 1;
        await sleep(PUBLISH_INTERVAL_MS, signal);
      }
    } catch {
      // The connection is gone: whether that was right is judged by who it was.
    }
  }
}

export async function runFlow(stage: Stage, timeline: Timeline): Promise<FlowResult> {
  const ids = Array.from({ length: DEVICES }, (_, index) =>
    parseDeviceId(`sim-${String(index + 1).padStart(4, '0')}`),
  );
  const begun = performance.now();
  const identities = await timeline.step('enroll', () => enrollAll(stage, ids));
  const enrolled = performance.now();
  const backend = await timeline.step('service', () => startBackend(stage));
  const connecting = performance.now();
  const stop = new AbortController();
  // Every device waits on it.
  setMaxListeners(0, stop.signal);
  const publishers = await timeline.step('connect', () => connectAll(stage, identities, stop.signal));
  const connected = performance.now();

  return timeline.step('traffic and revocation', async () => {
    const [revoked, ...others] = publishers;
    if (revoked === undefined) throw new Error('there are no devices');
    await sleep(TRAFFIC_MS);
    const { callMs, cutOffMs } = await revokeInFullFlow(stage, revoked);
    await sleep(TRAFFIC_MS);
    stop.abort();
    await Promise.all(publishers.map(({ done }) => done));

    const acknowledged = sum(others.map((other) => other.acknowledged));
    const counted = () => sum(others.map(({ identity }) => backend.count(identity.deviceId)));
    await backend.until(() => counted() >= acknowledged);
    const received = counted();
    const willArrived = backend.has(willTopic(revoked.identity.deviceId), WILL);
    const connectedStill = await countConnected(others);
    return {
      rows: [
        row(`${DEVICES} devices enroll`, `${DEVICES} certificates`, `${identities.length} certificates`),
        row(
          'a device revoked while all publish',
          `cut off within ${CUT_OFF_WITHIN_MS} ms`,
          cutOffMs === null ? 'still connected' : `cut off after ${cutOffMs} ms`,
          cutOffMs !== null && cutOffMs <= CUT_OFF_WITHIN_MS,
        ),
        row('its last will', 'not published', willArrived ? 'published' : 'not published'),
        row(
          `the other ${others.length} meanwhile`,
          `${others.length} still connected`,
          `${connectedStill} still connected`,
        ),
        row('their acknowledged messages, at the service', `${acknowledged} arrived`, `${received} arrived`),
      ],
      figures: {
        devices: DEVICES,
        enrollMs: Math.round(enrolled - begun),
        connectMs: Math.round(connected - connecting),
        messagesAcknowledged: acknowledged,
        messagesReceived: received,
        revokeCallMs: callMs,
        revokeCutOffMs: cutOffMs ?? Number.POSITIVE_INFINITY,
      },
      devices: others.map(({ identity }) => identity),
      backend,
    };
  });
}

async function enrollAll(stage: Stage, ids: readonly DeviceId[]): Promise<Identity[]> {
  const token = await stage.token({ maxUses: ids.length, device: 'sim-*' });
  return Promise.all(ids.map((id) => stage.enroll(id, { token })));
}

async function startBackend(stage: Stage): Promise<Backend> {
  const identity = await stage.enroll(parseDeviceId('backend'), { group: 'services' });
  return Backend.start(await stage.connect(identity));
}

const WILL = 'the connection broke';
/** Where the service would see it. */
const willTopic = (id: DeviceId) => `${deviceTopics(id).telemetry}/will`;

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
  let cutOffMs: number | null = null;
  const closed = session.closed.then(() => {
    cutOffMs = elapsed();
  });
  await stage.operator.revoke(identity.deviceId);
  const callMs = elapsed();
  await within(5 * CUT_OFF_WITHIN_MS, closed);
  return { callMs, cutOffMs: cutOffMs as number | null };
}

/** A connection that still acknowledges is a connection. */
async function countConnected(publishers: readonly Publisher[]): Promise<number> {
  const answers = await Promise.all(
    publishers.map(({ identity, session }) =>
      within(
        2_000,
        session.publish(deviceTopics(identity.deviceId).status, JSON.stringify({ status: 'online' })),
      ).catch(() => false),
    ),
  );
  return answers.filter(Boolean).length;
}

function row(what: string, expected: string, happened: string, ok = expected === happened): Row {
  return { what, expected, happened, ok };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
