/** Tells of what a policy denied: always in the counters and to operators, and in the log as long as that stays readable. */
import { type ErrorCode, errorCatalog } from '../../core/errors.ts';
import type { DeviceId } from '../../core/ids.ts';
import type { Logger } from '../../runtime/log.ts';
import type { BrokerMetrics, DeniedAction } from '../metrics.ts';
import type { Refusals } from '../reports/refusals.ts';
import type { Connection } from '../sessions/connection.ts';

/** One packet can ask for thousands of filters. */
const LOGGED_PER_SESSION = 20;

export interface Denial {
  readonly code: ErrorCode;
  /** For people; names the topic and the rule. */
  readonly reason: string;
}

export interface DenialsOptions {
  readonly refusals: Pick<Refusals, 'ofSession' | 'ofOwner'>;
  readonly metrics: BrokerMetrics;
  readonly log: Logger;
}

export class Denials {
  readonly #refusals: DenialsOptions['refusals'];
  readonly #metrics: BrokerMetrics;
  readonly #log: Logger;
  readonly #logged = new WeakMap<Connection, number>();

  constructor({ refusals, metrics, log }: DenialsOptions) {
    this.#refusals = refusals;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** Of a session whose device is away. Whoever decides on many of them says so in the log. */
  recordAway(
    device: DeviceId,
    clientId: string,
    action: DeniedAction,
    { code, reason }: Denial,
    topic: string,
  ): void {
    this.#metrics.denied(action, code);
    this.#refusals.ofOwner(device, clientId, { action, rule: code, topic, detail: reason });
  }

  /** @param topic that it is about, or the filter */
  record(connection: Connection, action: DeniedAction, { code, reason }: Denial, topic: string): void {
    this.#metrics.denied(action, code);
    this.#refusals.ofSession(connection, { action, rule: code, topic, detail: reason });
    const logged = (this.#logged.get(connection) ?? 0) + 1;
    this.#logged.set(connection, logged);
    if (logged > LOGGED_PER_SESSION) return;
    const { device, clientId, peer, address } = connection;
    const { remedy } = errorCatalog[code];
    const last = logged === LOGGED_PER_SESSION ? '; further ones of this session are only counted' : '';
    this.#log.warn(
      {
        rule: code,
        action,
        device,
        clientId,
        serialNumber: peer.serialNumber,
        address,
        detail: reason,
        remedy,
      },
      `denied${last}`,
    );
  }
}
