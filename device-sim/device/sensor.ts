/** What a single simulated device does while it is online: it says so, publishes a reading at each interval, and obeys. */
import type { Clock } from '../../core/clock.ts';
import type { Will } from '../contract/mqtt-session.ts';
import type { Identity } from '../identity/identity.ts';
import { comingBack, type Occupation } from './device-state.ts';
import { type OrderAnswer, obey } from './orders.ts';
import { Outbox } from './outbox.ts';
import { createThermometer, type Reading } from './readings.ts';
import type { Sleep } from './sleep.ts';
import { deviceTopics } from './topics.ts';

export interface SensorOptions {
  /** Milliseconds between two readings, until a command changes it. */
  readonly interval: number;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly observe: (event: SensorEvent) => void;
}

export type SensorEvent =
  | { readonly name: 'published'; readonly reading: Reading }
  | { readonly name: 'obeyed'; readonly answer: OrderAnswer };

/** The broker publishes it where the device vanishes without a DISCONNECT. */
export function offlineWill({ deviceId }: Identity): Will {
  return { topic: deviceTopics(deviceId).status, payload: status('offline'), retain: true };
}

/**
 * One occupation for a device's whole life: its interval, its sequence numbers and what it has yet to say outlast a
 * connection. It works with sessions that the broker keeps: commands sent while it is away wait there.
 */
export function createSensor({ interval, clock, sleep, observe }: SensorOptions): Occupation {
  const measure = createThermometer();
  const outbox = new Outbox();
  let currentInterval = interval;
  let isSubscribed = false;

  return async ({ identity, session, signal }) => {
    const topics = deviceTopics(identity.deviceId);
    // Aborts to cut a wait short. One listener a session, not one a reading: this may go on for months.
    let wake = new AbortController();
    signal.addEventListener('abort', () => wake.abort(), { once: true });
    session.onMessage((_topic, payload) => {
      const answer = obey(payload, {
        identity,
        setInterval(milliseconds) {
          currentInterval = milliseconds;
          wake.abort();
        },
      });
      observe({ name: 'obeyed', answer });
      // Where the connection is lost meanwhile, the answer goes out on the next one.
      const message = { topic: topics.answers, payload: JSON.stringify(answer) };
      outbox.publish(session, message).catch(() => {});
    });
    // After a start the broker may know the session, but not what this program subscribes to.
    if (!isSubscribed || !session.isResumed) await session.subscribe(topics.commands);
    isSubscribed = true;
    await session.publish(topics.status, status('online'), { retain: true });
    await outbox.resume(session);
    while (!signal.aborted) {
      const reading = measure(clock.now());
      await outbox.publish(session, {
        topic: topics.telemetry,
        payload: JSON.stringify(reading),
        onAcknowledged: () => observe({ name: 'published', reading }),
      });
      await sleep(currentInterval, wake.signal);
      wake = new AbortController();
    }
    await outbox.settled();
    // Stopped on purpose, the device says so itself; one that comes right back has nothing to say. Where the
    // connection is gone, the will has said it.
    if (signal.reason !== comingBack)
      await session.publish(topics.status, status('offline'), { retain: true });
  };
}

function status(value: 'online' | 'offline'): string {
  return JSON.stringify({ status: value });
}
