/** One device of a fleet: its life is any device's, what it publishes and when is the fleet's. */
import type { DeviceId } from '../../core/ids.ts';
import { Failure } from '../contract/failure.ts';
import type { Session } from '../contract/mqtt-session.ts';
import type { DeviceState } from '../device/device.ts';
import { createThermometer } from '../device/readings.ts';
import { deviceTopics } from '../device/topics.ts';
import type { Figures } from './figures.ts';
import type { Phase, Stopwatch } from './phase.ts';
import type { Publisher } from './traffic.ts';

export interface MemberOptions {
  readonly id: DeviceId;
  readonly enrollment: Phase;
  readonly connection: Phase;
  readonly figures: Figures;
  readonly stopwatch: Stopwatch;
}

export class Member implements Publisher {
  readonly id: DeviceId;
  inFlight = 0;
  readonly #options: MemberOptions;
  readonly #measure = createThermometer();
  #session: Session | undefined;
  #begun = false;

  constructor(options: MemberOptions) {
    this.id = options.id;
    this.#options = options;
  }

  get online(): boolean {
    return this.#session !== undefined;
  }

  /** Keeps the fleet's books as the device's life goes on. */
  observe(state: DeviceState): void {
    const { enrollment, connection, figures } = this.#options;
    const session = this.#session;
    this.#session = state.name === 'online' ? state.session : undefined;
    // A device whose life begins with connecting has its certificate from an earlier run.
    if (!this.#begun && state.name === 'connecting') figures.resumed += 1;
    this.#begun = true;
    switch (state.name) {
      case 'enrolling':
        return;
      case 'connecting':
        enrollment.settle(this.id, true);
        return;
      case 'online':
        connection.settle(this.id, true);
        return;
      case 'waiting':
        // Whoever was online has lost something; whoever was not is merely late.
        if (session === undefined) figures.retried(state.reason.code);
        else figures.failed(state.reason.code);
        return;
      case 'refused':
        figures.failed(state.reason.code);
        this.#leave();
        return;
      case 'stopped':
        this.#leave();
    }
  }

  publish(): void {
    if (this.#session === undefined) return;
    void this.#send(this.#session);
  }

  async #send(session: Session): Promise<void> {
    const { figures, stopwatch } = this.#options;
    const reading = JSON.stringify(this.#measure(Date.now()));
    const begun = stopwatch();
    this.inFlight += 1;
    figures.sent += 1;
    try {
      await session.publish(deviceTopics(this.id).telemetry, reading);
      figures.delivered(stopwatch() - begun);
    } catch (error) {
      // Why the connection ended is counted once, where it is noticed.
      if (!(error instanceof Failure)) throw error;
      figures.lost += 1;
    } finally {
      this.inFlight -= 1;
    }
  }

  #leave(): void {
    this.#options.enrollment.settle(this.id, false);
    this.#options.connection.settle(this.id, false);
  }
}
