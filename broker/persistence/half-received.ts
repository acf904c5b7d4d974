/**
 * The messages of QoS 2 that a client has sent and not released yet (MQTT 3.1.1 §4.3.3), by client id, because the
 * session that they belong to outlives connections. The broker keeps their packet identifiers alone: a message is
 * handed on when it comes, and there is no more need than to know it again.
 */
import { GatehouseError } from '../../core/errors.ts';
import type { QueuedPacket } from './session-store.ts';

export class HalfReceived {
  readonly #limit: number;
  readonly #byClient = new Map<string, Map<number, QueuedPacket>>();

  /** @param limit how many a client id may have */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(clientId: string, messageId: number): QueuedPacket | undefined {
    return this.#byClient.get(clientId)?.get(messageId);
  }

  /** @throws GatehouseError `inflight_limit` */
  add(clientId: string, messageId: number, packet: QueuedPacket): void {
    const packets = this.#byClient.get(clientId) ?? new Map<number, QueuedPacket>();
    if (packets.size >= this.#limit && !packets.has(messageId)) {
      throw new GatehouseError('inflight_limit', `${packets.size} messages of QoS 2 wait for PUBREL`);
    }
    this.#byClient.set(clientId, packets.set(messageId, packet));
  }

  /** Takes in what the store has: it was let in once. */
  restore(clientId: string, messageId: number): void {
    const packets = this.#byClient.get(clientId) ?? new Map<number, QueuedPacket>();
    this.#byClient.set(clientId, packets.set(messageId, { messageId }));
  }

  /** False where there is none. */
  release(clientId: string, messageId: number): boolean {
    const packets = this.#byClient.get(clientId);
    const released = packets?.delete(messageId) ?? false;
    if (packets?.size === 0) this.#byClient.delete(clientId);
    return released;
  }

  clear(clientId: string): void {
    this.#byClient.delete(clientId);
  }
}
