/**
 * The messages of QoS 2 that a client has sent and not released yet (MQTT 3.1.1 §4.3.3), by client id, because the
 * session that they belong to outlives connections. Only their packet identifiers are kept: Aedes hands a message
 * on when it comes, and needs no more than to know it again.
 */
import { GatehouseError } from '../../core/errors.ts';

export class HalfReceived {
  readonly #limit: number;
  readonly #byClient = new Map<string, Set<number>>();

  /** @param limit how many a client id may have */
  constructor(limit: number) {
    this.#limit = limit;
  }

  has(clientId: string, messageId: number): boolean {
    return this.#byClient.get(clientId)?.has(messageId) ?? false;
  }

  /** @throws GatehouseError `inflight_limit` */
  add(clientId: string, messageId: number): void {
    const ids = this.#byClient.get(clientId) ?? new Set();
    if (ids.size >= this.#limit && !ids.has(messageId)) {
      throw new GatehouseError('inflight_limit', `${ids.size} messages of QoS 2 wait for PUBREL`);
    }
    this.#byClient.set(clientId, ids.add(messageId));
  }

  /** False where there is none. */
  release(clientId: string, messageId: number): boolean {
    const ids = this.#byClient.get(clientId);
    const released = ids?.delete(messageId) ?? false;
    if (ids?.size === 0) this.#byClient.delete(clientId);
    return released;
  }

  clear(clientId: string): void {
    this.#byClient.delete(clientId);
  }
}
