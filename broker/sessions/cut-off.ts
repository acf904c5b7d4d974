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

/** Connections that are ended, or reported on, without a turn for anybody else: some 5 ms. */
const AT_ONCE = 50;

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
    await this.cutAll([connection], rule, since);
  }

  /** Ends all sockets before it does what takes longer, and lets the messages of others through in between. */
  async cutAll(connections: readonly Connection[], rule: ErrorCode, since: number): Promise<void> {
    const cut: Connection[] = [];
    for (const [index, connection] of connections.entries()) {
      if (this.#end(connection, rule, since)) cut.push(connection);
      if (index % AT_ONCE === AT_ONCE - 1) await nextTurn();
    }
    const wills: Promise<void>[] = [];
    for (const [index, connection] of cut.entries()) {
      this.#report(connection, rule);
      wills.push(this.#withdrawWill(connection));
      if (index % AT_ONCE === AT_ONCE - 1) await nextTurn();
    }
    await Promise.all(wills);
  }

  /** False where it had ended before, or only arrives. */
  #end(connection: Connection, rule: ErrorCode, since: number): boolean {
    const { metrics, clock } = this.#options;
    if (!connection.cut(rule) || connection.client === null) return false;
    metrics.cutOff(rule);
    connection.socket.once('close', () => metrics.cutOffLatency(clock.now() - since));
    return true;
  }

  async #withdrawWill({ client, device }: Connection): Promise<void> {
    const { store, log } = this.#options;
    if (client === null) return;
    try {
      await store.delWill({ id: client.id });
    } catch (error) {
      log.error({ err: error, device }, 'the will of a session that was cut off stayed');
    }
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

  #report(connection: Connection, rule: ErrorCode, detail: string = errorCatalog[rule].title): void {
    const { device, peer, clientId, address } = connection;
    const { serialNumber } = peer;
    this.#options.refusals.ofSession(connection, { action: 'session', rule, topic: null, detail });
    this.#options.log.warn({ rule, device, serialNumber, clientId, address, detail }, 'session cut off');
  }
}
