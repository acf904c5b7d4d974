/** How often each device connects. It costs the broker a handshake each time, whatever the device may send afterwards. */
import { GatehouseError } from '../../core/errors.ts';
import type { DeviceId } from '../../core/ids.ts';
import type { BrokerLimits } from '../limits.ts';
import { Allowance } from './allowance.ts';

/** Seconds' worth that may come at once: restarts, several sessions, and a network that comes and goes. */
const BURST_S = 60;

export class ConnectRates {
  readonly #perSecond: number;
  /** Of those who connected of late, the one that did so last at the end. */
  readonly #devices = new Map<DeviceId, Allowance>();

  constructor({ connectsPerSecond }: Pick<BrokerLimits, 'connectsPerSecond'>) {
    this.#perSecond = connectsPerSecond;
  }

  /**
   * Counts a connect. What is refused does not count: a device that goes on is let in as often as it may be.
   * @param now in ms, of any clock that never goes back
   * @throws GatehouseError `connect_rate_exceeded`
   */
  spend(device: DeviceId, now = performance.now()): void {
    const allowance = this.#devices.get(device) ?? new Allowance(this.#perSecond, BURST_S);
    if (!allowance.isLeft(now)) {
      throw new GatehouseError(
        'connect_rate_exceeded',
        `at most ${this.#perSecond} a second in the long run`,
      );
    }
    allowance.spend(now);
    this.#devices.delete(device);
    this.#devices.set(device, allowance);
    this.#forget(now);
  }

  /** Those that are as good as new. */
  #forget(now: number): void {
    for (const [device, allowance] of this.#devices) {
      if (allowance.debt(now) > 0) return;
      this.#devices.delete(device);
    }
  }
}
