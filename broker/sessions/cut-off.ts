/** Ends what may no longer be: connections at once, and for a revoked device its stored sessions too. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { DeviceId } from '../../core/ids.ts';
import type { Logger } from '../../runtime/log.ts';
import type { BrokerMetrics } from '../metrics.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';
import type { Connection } from './connection.ts';
import type { DurableSessions } from './durable-sessions.ts';
import type { LiveTable } from './live-table.ts';

/** Some 5 ms. */
const CUT_AT_ONCE = 50;

export interface CutOffOptions {
  readonly live: LiveTable;
  readonly durable: DurableSessions;
  readonly store: GuardedStore;
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

  /** Ends all sockets before it does what takes time, and lets the messages of others through in between. */
  async cutAll(connections: readonly Connection[], rule: ErrorCode, since: number): Promise<void> {
    const cuts: Promise<void>[] = [];
    for (const connection of connections) {
      cuts.push(this.cut(connection, rule, since));
      if (cuts.length % CUT_AT_ONCE === 0) await nextTurn();
    }
    await Promise.all(cuts);
  }

  /** Revoked for good, and cut off before: nothing of them is kept. */
  async discard(devices: readonly DeviceId[]): Promise<void> {
    const { durable, store } = this.#options;
    for (const device of devices) await durable.discardAll(device);
    // What they had sent just before has been stored by then, or will not be.
    await nextTurn();
    for (const device of devices) store.retained.removeAllOf(device);
  }

  /** It broke a rule of the protocol: ended like a lost connection, will included [MQTT-3.1.2-8]. */
  dismiss(connection: Connection, rule: ErrorCode, detail: string): void {
    if (!connection.dismiss(rule) || connection.client === null) return;
    this.#options.metrics.cutOff(rule);
    this.#report(connection, rule, detail);
  }

  #report({ device, peer, clientId, address }: Connection, rule: ErrorCode, detail?: string): void {
    const { serialNumber } = peer;
    this.#options.log.warn({ rule, device, serialNumber, clientId, address, detail }, 'session cut off');
  }
}
