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

/** ms for which connections are ended without a turn for anybody else: some hundreds of them. */
const ENDING_MS = 10;
/** ms for which they are cleared away and reported on: nobody waits for that, so that others come first. */
const CLEARING_MS = 3;
/** Of a bulk, who is named in the log. */
const MAX_NAMED = 20;

export interface CutOffOptions {
  readonly live: LiveTable;
  readonly durable: DurableSessions;
  readonly store: GuardedStore;
  readonly refusals: Pick<Refusals, 'ofSession'>;
  readonly metrics: BrokerMetrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A connection that is to be ended, and why. */
export interface Cut {
  readonly connection: Connection;
  readonly rule: ErrorCode;
  /** ms since the epoch: when the right to be here ended, for the latency. */
  readonly since: number;
}

export class CutOff {
  readonly #options: CutOffOptions;

  constructor(options: CutOffOptions) {
    this.#options = options;
  }

  /**
   * The right to be here has ended: the will is not published. What only arrives is refused instead, by whoever
   * receives it.
   */
  async cut(connection: Connection, rule: ErrorCode, since: number): Promise<void> {
    await this.cutEach([{ connection, rule, since }]);
  }

  /** As `cut`, each by the same rule. */
  async cutAll(connections: readonly Connection[], rule: ErrorCode, since: number): Promise<void> {
    await this.cutEach(connections.map((connection) => ({ connection, rule, since })));
  }

  /**
   * Ends all of them before it does for any what takes longer. Resolves when Aedes has been told of each, and others'
   * messages get through meanwhile.
   */
  async cutEach(cuts: readonly Cut[]): Promise<void> {
    const ended: Cut[] = [];
    await inSlices(cuts, ENDING_MS, (cut) => {
      if (this.#end(cut)) ended.push(cut);
    });
    const wills: Promise<void>[] = [];
    await inSlices(ended, CLEARING_MS, ({ connection, rule }) => {
      connection.release();
      this.#report(connection, rule);
      wills.push(this.#withdrawWill(connection));
    });
    this.#tell(ended);
    await Promise.all(wills);
  }

  /** False where no session ended by it: that had ended before, or was yet to begin. */
  #end({ connection, rule, since }: Cut): boolean {
    const { metrics, clock } = this.#options;
    if (!connection.cut(rule) || connection.client === null || connection.hasLeft) return false;
    metrics.cutOff(rule);
    metrics.cutOffLatency(clock.now() - since);
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
    await Promise.all(devices.map((device) => durable.discardAll(device)));
    // What they had sent just before has been stored by then, or will not be.
    await nextTurn();
    for (const device of devices) store.retained.removeAllOf(device);
  }

  /** It broke a rule of the protocol: ended like a lost connection, will included [MQTT-3.1.2-8]. */
  dismiss(connection: Connection, rule: ErrorCode, detail: string): void {
    if (!connection.dismiss(rule) || connection.client === null) return;
    this.#options.metrics.cutOff(rule);
    this.#report(connection, rule, detail);
    this.#options.log.warn(sessionOf(connection, rule, detail), 'session cut off');
  }

  #report(connection: Connection, rule: ErrorCode, detail: string = errorCatalog[rule].title): void {
    this.#options.refusals.ofSession(connection, { action: 'session', rule, topic: null, detail });
  }

  /** One line for all that ended by the same rule, or a bulk would cost more to tell than to do; each of them at `debug`. */
  #tell(cuts: readonly Cut[]): void {
    const { log } = this.#options;
    for (const [rule, connections] of byRule(cuts)) {
      const detail = errorCatalog[rule].title;
      const [first, ...others] = connections;
      if (first === undefined) continue;
      if (others.length === 0) {
        log.warn(sessionOf(first, rule, detail), 'session cut off');
        continue;
      }
      const devices = new Set(connections.map(({ device }) => device));
      const named = [...devices].slice(0, MAX_NAMED);
      const counts = { sessions: connections.length, deviceCount: devices.size };
      log.warn({ rule, ...counts, devices: named, detail }, 'sessions cut off');
      if (!log.isLevelEnabled('debug')) continue;
      for (const connection of connections) log.debug(sessionOf(connection, rule, detail), 'session cut off');
    }
  }
}

function sessionOf({ device, peer, clientId, address }: Connection, rule: ErrorCode, detail: string) {
  return { rule, device, serialNumber: peer.serialNumber, clientId, address, detail };
}

function byRule(cuts: readonly Cut[]): ReadonlyMap<ErrorCode, readonly Connection[]> {
  const groups = new Map<ErrorCode, Connection[]>();
  for (const { connection, rule } of cuts) {
    const group = groups.get(rule) ?? [];
    groups.set(rule, group);
    group.push(connection);
  }
  return groups;
}

/** Does it to each, with a turn for everybody else whenever it has taken that long, in ms. */
async function inSlices<Item>(
  items: readonly Item[],
  slice: number,
  act: (item: Item) => void,
): Promise<void> {
  let end = performance.now() + slice;
  for (const item of items) {
    act(item);
    if (performance.now() < end) continue;
    await nextTurn();
    end = performance.now() + slice;
  }
}
