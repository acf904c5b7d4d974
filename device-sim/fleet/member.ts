/** One device of a fleet: its life is any device's, what it publishes and when is the fleet's. */
import { once } from 'node:events';
import type { DeviceId } from '../../core/ids.ts';
import { Failure } from '../contract/failure.ts';
import type { Session } from '../contract/mqtt-session.ts';
import { comingBack, type DeviceState, type Occupation } from '../device/device-state.ts';
import { createThermometer } from '../device/readings.ts';
import type { RenewalEvent } from '../device/renewer.ts';
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
  readonly #options: MemberOptions;
  readonly #measure = createThermometer();
  readonly #sending = new Set<Promise<void>>();
  /** What it publishes through; none while it is offline, or about to be. */
  #session: Session | undefined;
  #state: DeviceState['name'] | undefined;
  /** By the stopwatch: since when it is away to come back with another certificate. */
  #awaySince: number | undefined;

  constructor(options: MemberOptions) {
    this.id = options.id;
    this.#options = options;
  }

  get online(): boolean {
    return this.#session !== undefined;
  }

  get inFlight(): number {
    return this.#sending.size;
  }

  /** It publishes when the fleet tells it to. Asked to leave, it takes nothing more and waits for what is on its way. */
  readonly occupation: Occupation = async ({ session, signal }) => {
    this.#session = session;
    if (!signal.aborted) await once(signal, 'abort');
    this.#session = undefined;
    if (signal.reason === comingBack) this.#awaySince = this.#options.stopwatch();
    await Promise.all(this.#sending);
  };

  /** Keeps the fleet's books as the device's life goes on. */
  observe(state: DeviceState): void {
    const { enrollment, connection, figures } = this.#options;
    const before = this.#state;
    this.#state = state.name;
    switch (state.name) {
      case 'enrolling':
        return;
      case 'connecting':
        // A device whose life begins with connecting has its certificate from an earlier run.
        if (before === undefined) figures.resumed += 1;
        enrollment.settle(this.id, true);
        return;
      case 'online':
        connection.settle(this.id, true);
        this.#noteReturn();
        return;
      case 'waiting':
        // Whoever was online has lost something; whoever was not is merely late.
        if (before === 'online') figures.failed(state.reason.code);
        else figures.retried(state.reason.code);
        return;
      case 'refused':
        figures.failed(state.reason.code);
        this.#leave();
        return;
      case 'stopped':
        this.#leave();
    }
  }

  observeRenewal(event: RenewalEvent): void {
    const { figures } = this.#options;
    if (event.name === 'renewing') return;
    if (event.name === 'renewed') figures.renewalDone(this.id);
    else figures.renewalFailed(this.id, event.reason.code);
  }

  publish(): void {
    if (this.#session === undefined) return;
    const sending = this.#send(this.#session).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async #send(session: Session): Promise<void> {
    const { figures, stopwatch } = this.#options;
    const reading = JSON.stringify(this.#measure(Date.now()));
    const begun = stopwatch();
    figures.sent += 1;
    try {
      await session.publish(deviceTopics(this.id).telemetry, reading);
      figures.delivered(stopwatch() - begun);
    } catch (error) {
      // Why the connection ended is counted once, where it is noticed.
      if (!(error instanceof Failure)) throw error;
      figures.lost += 1;
    }
  }

  #noteReturn(): void {
    if (this.#awaySince === undefined) return;
    const { figures, stopwatch } = this.#options;
    figures.switched(stopwatch() - this.#awaySince);
    this.#awaySince = undefined;
  }

  #leave(): void {
    this.#options.enrollment.settle(this.id, false);
    this.#options.connection.settle(this.id, false);
  }
}
