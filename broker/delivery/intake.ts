/**
 * Takes a message in: what durable sessions are owed of it, and what is to be retained, is on the disk before whoever
 * sent it hears that it arrived. Where there is neither, nothing is written.
 */
import type { PublishPacket } from 'aedes';
import { GatehouseError } from '../../core/errors.ts';
import { deviceOf } from '../front/client-id.ts';
import type { Appended, Message, Receiver } from '../persistence/queue-entry.ts';
import type { SessionDatabase } from '../persistence/session-database.ts';
import type { SessionKey } from '../persistence/session-store.ts';

export class Intake {
  readonly #database: SessionDatabase;

  constructor(database: SessionDatabase) {
    this.#database = database;
  }

  /**
   * Resolves when the message may be acknowledged; null where there is nothing to wait for. What is retained is retained
   * from the call on, and the packet says so no more: Aedes hands it on to those who have subscribed already.
   * @param clientId whose message it is
   * @throws GatehouseError `retained_limit`; rejects with `session_store_failed`
   */
  take(packet: PublishPacket, clientId: string): Promise<void> | null {
    const isRetained = packet.retain;
    if (isRetained) {
      this.#database.retained.store(deviceOf(clientId), { ...packet, brokerId: '', brokerCounter: 0 });
      packet.retain = false;
    }
    if (packet.qos === 0) return null; // the disk may follow (§3.3.1.3): nobody is told anything
    const receivers = this.#receiversOf(packet);
    if (receivers.length > 0) return this.#append(messageOf(packet), receivers);
    return isRetained ? this.#database.flush() : null;
  }

  /**
   * The same for a client's message of QoS 2. Its message id is kept in the same transaction, so that a repetition is
   * known exactly if the message itself has been taken in [MQTT-4.3.3-2].
   * @throws GatehouseError `inflight_limit`, `retained_limit`; `packet_malformed` where the id came twice before the first was looked up:
   * on one connection it may not (§4.4)
   */
  async takeOnce({ id, clean }: SessionKey, packet: PublishPacket): Promise<void> {
    const session = clean ? undefined : this.#database.sessions.get(id);
    const messageId = packet.messageId ?? 0;
    if (this.#database.halfReceived(id, messageId) !== undefined) {
      throw new GatehouseError('packet_malformed', `message id ${messageId} came twice`);
    }
    // Before its id is kept: what is refused is not received, and its repetition must not be acknowledged.
    if (packet.retain && !this.#database.retained.hasRoom(deviceOf(id), packet)) {
      throw new GatehouseError('retained_limit');
    }
    const receiving = this.#database.receive(session ?? null, id, messageId, { messageId });
    await Promise.all([receiving, this.take(packet, id)]);
  }

  /** A retained message that a durable session gets for its subscription: it is owed to it like any other. */
  async queueRetained({ id }: SessionKey, packet: PublishPacket, qos: number): Promise<void> {
    const session = this.#database.sessions.get(id);
    if (session !== undefined) await this.#append(messageOf(packet), [{ session, qos }]);
  }

  #receiversOf({ topic, qos }: PublishPacket): Receiver[] {
    const receivers: Receiver[] = [];
    for (const [session, granted] of this.#database.sessions.index.receiversOf(topic)) {
      receivers.push({ session, qos: Math.min(granted, qos) });
    }
    return receivers;
  }

  /**
   * A message of QoS 1 is sent on before the disk has it, since it may come twice after a crash; one of QoS 2 is not: its
   * message id would be given to another message, which its receiver would take for a repetition.
   */
  async #append(message: Message, receivers: readonly Receiver[]): Promise<void> {
    const { committed, durable } = this.#database.append(message, receivers);
    const send = (appended: readonly Appended[], qos: number) => {
      for (const { row, delivery } of appended) {
        // Its message id is new: this is the first time that it is sent.
        if (row.qos === qos) delivery?.send([{ ...row, ...bodyOf(message), messageId: null }]);
      }
    };
    await Promise.all([
      committed.then((appended) => send(appended, 1)),
      Promise.all([committed, durable]).then(([appended]) => send(appended, 2)),
    ]);
  }
}

function messageOf({ topic, payload, retain }: PublishPacket): Message {
  return { topic, payload, retain, brokerId: null, brokerCounter: null };
}

function bodyOf({ retain, ...message }: Message) {
  return { ...message, retain: retain ? 1 : 0 } as const;
}
