/**
 * Takes a message in: what durable sessions are owed of it, and what is to be retained, is on the disk before whoever
 * sent it hears that it arrived. Where there is neither, nothing is written.
 */
import { deviceOf } from '../client-id.ts';
import type { Appended, Message, QueueEntry, QueueRow, Receiver } from '../persistence/queue-entry.ts';
import type { SessionDatabase } from '../persistence/session-database.ts';
import type { SessionRecord } from '../persistence/session-record.ts';
import type { Publication } from './publication.ts';

export class Intake {
  readonly #database: SessionDatabase;

  constructor(database: SessionDatabase) {
    this.#database = database;
  }

  /**
   * Keeps it as the last message of its topic, from the call on. The disk may follow (§3.3.1.3).
   * @param clientId whose message it is
   * @throws GatehouseError `retained_limit`
   */
  retain({ topic, payload, qos }: Publication, clientId: string): void {
    const packet = { cmd: 'publish', topic, payload, qos, retain: true, dup: false } as const;
    this.#database.retained.store(deviceOf(clientId), { ...packet, brokerId: '', brokerCounter: 0 });
  }

  /**
   * Resolves when the message may be acknowledged; null where there is nothing to wait for. Rejects with
   * `session_store_failed`.
   * @param receivers durable sessions, with QoS 1 or 2 @param clientId whose message it is
   */
  take(publication: Publication, receivers: readonly Receiver[], clientId: string): Promise<void> | null {
    if (receivers.length > 0) {
      const { topic, payload } = publication;
      return this.#append(nameless(topic, payload, false), receivers, clientId);
    }
    return publication.isToBeRetained && publication.qos > 0 ? this.#database.flushOf(clientId) : null;
  }

  /** A retained message that a durable session gets for its subscription: it is owed to it like any other. */
  async queueRetained(
    session: SessionRecord,
    { topic, payload }: Pick<Publication, 'topic' | 'payload'>,
    qos: 1 | 2,
  ): Promise<void> {
    await this.#append(nameless(topic, payload, true), [{ session, qos }]);
  }

  /**
   * A message of QoS 1 is sent on before the disk has it, since it may come twice after a crash; one of QoS 2 is not: its
   * message id would be given to another message, which its receiver would take for a repetition.
   */
  #append(message: Message, receivers: readonly Receiver[], publisher?: string): Promise<void> {
    const onCommitted = (appended: readonly Appended[]) => {
      for (const { row, delivery } of appended) {
        if (delivery === null) continue;
        const entry = entryOf(row, message);
        if (row.qos === 1) delivery.send([entry]);
        else
          durable.then(
            () => delivery.send([entry]),
            () => {}, // the store has told of it
          );
      }
    };
    const durable = this.#database.append(message, receivers, { publisher, onCommitted });
    return durable;
  }
}

/** Only Aedes has a name for a message, in its own suite for stores. */
function nameless(topic: string, payload: Buffer, retain: boolean): Message {
  return { topic, payload, retain, brokerId: null, brokerCounter: null };
}

/** Its message id is new: this is the first time that it is sent. */
function entryOf({ seq, released, qos, bytes }: QueueRow, message: Message): QueueEntry {
  const { topic, payload, retain } = message;
  return { seq, messageId: null, released, qos, bytes, topic, payload, retain: retain ? 1 : 0 };
}
