/** The back-end service of the demo: a device of the group `services`, which may read all telemetry, and counts it. */
import type { DeviceId } from '../../core/ids.ts';
import type { Session } from '../contract/mqtt-session.ts';
import { sleep } from '../device/sleep.ts';
import { deviceTopics } from '../device/topics.ts';

const POLL_MS = 5;

export class Backend {
  readonly session: Session;
  readonly #signal: AbortSignal;
  /** By topic, what arrived: payloads, as text. */
  readonly #received = new Map<string, Set<string>>();

  private constructor(session: Session, signal: AbortSignal) {
    this.session = session;
    this.#signal = signal;
    session.onMessage((topic, payload) => {
      const payloads = this.#received.get(topic) ?? new Set();
      this.#received.set(topic, payloads.add(payload.toString('utf8')));
    });
  }

  /** @param signal ends every wait */
  static async start(session: Session, signal: AbortSignal): Promise<Backend> {
    const backend = new Backend(session, signal);
    await session.subscribe('devices/+/telemetry/#');
    return backend;
  }

  /** Different messages of one device's telemetry; one that was delivered twice counts once. */
  count(device: DeviceId): number {
    return this.#received.get(deviceTopics(device).telemetry)?.size ?? 0;
  }

  has(topic: string, payload: string): boolean {
    return this.#received.get(topic)?.has(payload) ?? false;
  }

  /** @returns whether `condition` came true before the deadline, in milliseconds */
  async until(condition: () => boolean, deadline = 5_000): Promise<boolean> {
    const begun = performance.now();
    while (!condition()) {
      if (performance.now() - begun > deadline) return false;
      await sleep(POLL_MS, this.#signal);
      this.#signal.throwIfAborted();
    }
    return true;
  }
}
