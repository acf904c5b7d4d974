/** A connected device of the flow: it publishes until it is told to stop, or its connection ends. */
import type { Session } from '../contract/mqtt-session.ts';
import { createThermometer } from '../device/readings.ts';
import { sleep } from '../device/sleep.ts';
import { deviceTopics } from '../device/topics.ts';
import type { Identity } from '../identity/identity.ts';
import { within } from './outcome.ts';

const INTERVAL_MS = 40;
const PROBE_MS = 2_000;

export class Publisher {
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

  /** A connection that still acknowledges is a connection. */
  async isConnected(): Promise<boolean> {
    const { status } = deviceTopics(this.identity.deviceId);
    const answer = this.session.publish(status, JSON.stringify({ status: 'online' }));
    return within(PROBE_MS, answer).catch(() => false);
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const { telemetry } = deviceTopics(this.identity.deviceId);
    try {
      while (!signal.aborted) {
        await this.session.publish(telemetry, JSON.stringify(this.#measure(Date.now())));
        this.acknowledged += 1;
        await sleep(INTERVAL_MS, signal);
      }
    } catch {
      // The connection is gone: whether that was right is judged by who it was.
    }
  }
}
