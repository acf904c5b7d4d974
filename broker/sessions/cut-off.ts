/** Ends what may no longer be: connections at once, and for a revoked device its stored sessions too. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { type ErrorCode, errorCatalog } from '../../core/errors.ts';
import type { DeviceId } from '../../core/ids.ts';
import type { Logger } from '../../runtime/log.ts';
import type { BrokerMetrics } from '../metrics.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';
import type { Refusals } from '../reports/refusals.ts';
import type { Connection } from './connection.ts';
import type { DurableSessions } from './durable-sessions.ts';
import type { LiveTable } from './live-table.ts';

export interface CutOffOptions {
  readonly live: LiveTable;
  readonly durable: DurableSessions;
  readonly store: GuardedStore;
  readonly refusals: Pick<Refusals, 'ofSession'>;
  readonly metrics: BrokerMetrics;
  readonly clock: Clock;
  readonly log: Logger;
}

export class CutOff {
  readonly #options: CutOffOptions;

  constructor(options: CutOffOptions) {
    this.#options = options;
  }

  /**
   * The right to be here has ended: the will is not published. What only arrives is refused instead, by whoever
   * receives it.
   * @param since ms since the epoch: when the right ended, for the latency
   */
  async cut(connection: Connection, rule: ErrorCode, since: number): Promise<void> {
    const { metrics, clock, store, log } = this.#options;
    if (!connection.cut(rule) || connection.client === null) return;
    metrics.cutOff(rule);
    connection.socket.once('close', () => metrics.cutOffLatency(clock.now() - since));
    this.#report(connection, rule);
    try {
      await store.delWill({ id: connection.client.id });
    } catch (error) {
      log.error({ err: error, device: connection.device }, 'the will of a session that was cut off stayed');
    }
  }

  /** Cuts every connection of the device first, and only then does what takes time. */
  async cutDevice(device: DeviceId, rule: ErrorCode, since: number): Promise<void> {
    await Promise.all(this.#options.live.of(device).map((connection) => this.cut(connection, rule, since)));
  }

  /** Nobody's right to be here can be told any more. */
  async cutAll(rule: ErrorCode, since: number): Promise<void> {
    await Promise.all(this.#options.live.all().map((connection) => this.cut(connection, rule, since)));
  }

  /** Revoked for good: nothing of it is kept. */
  async revoke(device: DeviceId, since: number): Promise<void> {
    await this.cutDevice(device, 'device_revoked', since);
    await this.#options.durable.discardAll(device);
    // What it had sent just before has been stored by then, or will not be.
    await nextTurn();
    this.#options.store.retained.removeAllOf(device);
  }

  /** It broke a rule of the protocol: ended like a lost connection, will included [MQTT-3.1.2-8]. */
  dismiss(connection: Connection, rule: ErrorCode, detail: string): void {
    if (!connection.dismiss(rule) || connection.client === null) return;
    this.#options.metrics.cutOff(rule);
    this.#report(connection, rule, detail);
  }

  #report(connection: Connection, rule: ErrorCode, detail: string = errorCatalog[rule].title): void {
    const { device, peer, clientId, address } = connection;
    const { serialNumber } = peer;
    this.#options.refusals.ofSession(connection, { action: 'session', rule, topic: null, detail });
    this.#options.log.warn({ rule, device, serialNumber, clientId, address, detail }, 'session cut off');
  }
}
