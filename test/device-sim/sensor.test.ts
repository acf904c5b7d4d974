/** A device at work over a real connection: what it publishes, and what it does when it is told to. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parseDeviceId } from '../../core/ids.ts';
import { openSession } from '../../device-sim/contract/mqtt-session.ts';
import { comingBack } from '../../device-sim/device/device-state.ts';
import { createSensor, offlineWill, type SensorEvent } from '../../device-sim/device/sensor.ts';
import { type Sleep, sleep } from '../../device-sim/device/sleep.ts';
import { enrollIdentity } from '../../device-sim/identity/enroll-identity.ts';
import type { Identity } from '../../device-sim/identity/identity.ts';
import { memoryStorage } from '../../device-sim/identity/identity-storage.ts';
import { eventually } from '../support/eventually.ts';
import { createAuthority } from './support/authority.ts';
import { type ScriptedBroker, startScriptedBroker } from './support/scripted-broker.ts';

let ca: string;
let broker: ScriptedBroker;
let identity: Identity;

beforeAll(async () => {
  const authority = await createAuthority();
  ca = authority.ca;
  broker = await startScriptedBroker(authority);
  identity = await enrollIdentity({
    storage: memoryStorage(),
    requestedId: parseDeviceId('press-7'),
    keyType: 'ec-p256',
    enroll: authority.enroll,
  });
});
afterAll(() => broker.close());
beforeEach(() => {
  broker.connections.length = 0;
  broker.onSubscribe = () => 1;
  broker.isKnown = () => false;
});

interface Published {
  readonly topic: string;
  readonly payload: Record<string, unknown>;
  readonly retain: boolean;
}

function published(): Published[] {
  return (broker.connections.at(-1)?.packets ?? []).flatMap((packet) =>
    packet.cmd === 'publish'
      ? [{ topic: packet.topic, payload: JSON.parse(String(packet.payload)), retain: packet.retain }]
      : [],
  );
}

const open = () =>
  openSession({
    url: broker.url,
    ca,
    credentials: identity,
    clientId: identity.deviceId,
    persistent: true,
    will: offlineWill(identity),
  });

/** Works until `stop` aborts. */
async function work(stop: AbortController, wait: Sleep = sleep, interval = 60_000): Promise<SensorEvent[]> {
  const events: SensorEvent[] = [];
  const session = await open();
  const sensor = createSensor({
    interval,
    clock: { now: Date.now },
    sleep: wait,
    observe: (event) => events.push(event),
  });
  await sensor({ identity, session, signal: stop.signal });
  await session.end();
  return events;
}

function command(content: unknown): void {
  broker.connections.at(-1)?.send({
    cmd: 'publish',
    topic: 'devices/press-7/commands/do',
    payload: JSON.stringify(content),
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
  });
}

const readings = () => published().filter(({ topic }) => topic === 'devices/press-7/telemetry');

describe('a device at work', () => {
  it('says it is online, publishes its readings, and says when it goes', async () => {
    const stop = new AbortController();
    const waits: number[] = [];
    const threeTimes: Sleep = async (ms) => {
      if (waits.push(ms) === 3) stop.abort();
    };
    await work(stop, threeTimes, 5_000);
    expect(waits).toEqual([5_000, 5_000, 5_000]);
    expect(published().map(({ topic }) => topic)).toEqual([
      'devices/press-7/status',
      'devices/press-7/telemetry',
      'devices/press-7/telemetry',
      'devices/press-7/telemetry',
      'devices/press-7/status',
    ]);
    expect(readings().map(({ payload }) => payload.seq)).toEqual([1, 2, 3]);
    expect(published().at(0)).toMatchObject({ payload: { status: 'online' }, retain: true });
    expect(published().at(-1)).toMatchObject({ payload: { status: 'offline' }, retain: true });
  });

  it('leaves a will that says the same, should it vanish', async () => {
    const stop = new AbortController();
    await work(stop, async () => stop.abort());
    const will = broker.connections.at(-1)?.connect.will;
    expect(will).toMatchObject({ topic: 'devices/press-7/status', retain: true });
    expect(JSON.parse(String(will?.payload))).toEqual({ status: 'offline' });
  });

  it('obeys a command and answers it', async () => {
    const stop = new AbortController();
    const working = work(stop);
    await eventually(() => readings().length === 1);
    command({ command: 'ping', id: 'q1' });
    const answers = () => published().filter(({ topic }) => topic === 'devices/press-7/telemetry/answers');
    await eventually(() => answers().length === 1);
    expect(answers()[0]?.payload).toEqual({ ok: true, command: 'ping', id: 'q1', answer: 'pong' });
    stop.abort();
    expect((await working).at(-1)).toMatchObject({ name: 'obeyed' });
  });

  it('changes its interval at once, not after the one that is running', async () => {
    const stop = new AbortController();
    const working = work(stop);
    await eventually(() => readings().length === 1);
    command({ command: 'set-interval', seconds: 0.1 });
    await eventually(() => readings().length >= 2);
    stop.abort();
    await working;
  });

  it('does not work on where its own commands are refused to it', async () => {
    broker.onSubscribe = () => 128;
    await expect(work(new AbortController())).rejects.toMatchObject({ code: 'subscribe_refused' });
  });

  it.each([
    ['once, where the broker keeps its session', true, [1, 0]],
    ['again, where the broker has lost it', false, [1, 1]],
  ])('subscribes %s', async (_how, isKnown, expected) => {
    const sensor = createSensor({ interval: 60_000, clock: { now: Date.now }, sleep, observe: () => {} });
    const counts: number[] = [];
    for (const known of [false, isKnown]) {
      broker.isKnown = () => known;
      const stop = new AbortController();
      const session = await open();
      const working = sensor({ identity, session, signal: stop.signal });
      await eventually(() => readings().length === 1);
      stop.abort();
      await working;
      await session.end();
      counts.push(broker.connections.at(-1)?.packets.filter(({ cmd }) => cmd === 'subscribe').length ?? 0);
    }
    expect(counts).toEqual(expected);
  });

  it('says nothing of being offline where it comes right back', async () => {
    const stop = new AbortController();
    await work(stop, async () => stop.abort(comingBack));
    expect(published().map(({ topic }) => topic)).toEqual([
      'devices/press-7/status',
      'devices/press-7/telemetry',
    ]);
  });

  it('says on the next connection what the last one did not get through', async () => {
    const sensor = createSensor({ interval: 60_000, clock: { now: Date.now }, sleep, observe: () => {} });
    broker.onPublish = (topic) => topic !== 'devices/press-7/telemetry';
    const lost = await open();
    const working = sensor({ identity, session: lost, signal: new AbortController().signal });
    await eventually(() => readings().length === 1);
    lost.drop();
    await expect(working).rejects.toMatchObject({ code: 'connection_lost' });
    const [unheard] = readings();

    broker.onPublish = () => true;
    const stop = new AbortController();
    const session = await open();
    const again = sensor({ identity, session, signal: stop.signal });
    await eventually(() => readings().length === 2);
    stop.abort();
    await again;
    await session.end();
    expect(readings().map(({ payload }) => payload.seq)).toEqual([1, 2]);
    expect(readings()[0]).toEqual(unheard);
  });

  it('ends when the connection does, having said so', async () => {
    const working = work(new AbortController(), async () => {
      broker.connections.at(-1)?.socket.destroy();
      await eventually(() => broker.connections.at(-1)?.socket.destroyed ?? false);
    });
    await expect(working).rejects.toMatchObject({ code: 'connection_lost' });
  });
});
