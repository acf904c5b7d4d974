/** What one connected session sends of messages and their acknowledgements (MQTT 3.1.1 §4.3), each packet to its end. */
import type { GatehouseError } from '../../core/errors.ts';
import type { Authorizer } from '../authorization/authorizer.ts';
import { packetTypes } from '../front/fixed-header.ts';
import { decodeMessageId, decodePublish } from '../front/message-packets.ts';
import type { Output } from '../front/output.ts';
import type { SessionDatabase } from '../persistence/session-database.ts';
import type { Route } from '../persistence/subscription-index.ts';
import type { Connection } from '../sessions/connection.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { reply } from './encode-packets.ts';
import type { Outbox, Sender } from './outbox.ts';
import type { Publication } from './publication.ts';
import type { Router } from './router.ts';

export interface InboundOptions {
  readonly connection: Connection;
  readonly clientId: string;
  /** Whether the session ends with the connection. */
  readonly clean: boolean;
  readonly router: Router;
  readonly authorizer: Pick<Authorizer, 'refusalOf'>;
  readonly database: SessionDatabase;
  readonly output: Output;
  /** Of the same device, which is held up where a receiver of its messages cannot take more. */
  readonly outbox: Outbox;
  /** The device, which is held up where too many of its messages wait for the disk. */
  readonly sender: Sender;
  /** An acknowledgement has come for nothing that is under way. */
  readonly onUnasked: () => void;
  /** The policy denies a message, and nothing more is taken. */
  readonly onDenied: (refusal: GatehouseError) => void;
}

export class Inbound {
  readonly #options: InboundOptions;
  readonly #answers: Acknowledgements;

  constructor(options: InboundOptions) {
    this.#options = options;
    this.#answers = new Acknowledgements(options);
  }

  /**
   * @param bytes with a whole packet from `start` to `end`, whose fixed header ends at `body`
   * @returns whether the next one may come
   * @throws GatehouseError `packet_malformed`, `inflight_limit`
   */
  take(bytes: Buffer, start: number, body: number, end: number): boolean {
    const type = (bytes[start] ?? 0) >> 4;
    if (type === packetTypes.publish) {
      return this.#publish(decodePublish(bytes, start, body, end));
    }
    const messageId = decodeMessageId(bytes, start, body);
    if (type === packetTypes.pubrel) {
      this.#complete(messageId);
      return true;
    }
    const { outbox, onUnasked } = this.#options;
    if (!outbox.isUnderWay(messageId)) onUnasked();
    if (type === packetTypes.pubrec) {
      this.#answers.say(reply.pubrel, messageId, outbox.release(messageId)); // in their order [MQTT-4.6.0-4]
    } else outbox.acknowledge(messageId);
    return true;
  }

  #publish(publication: Publication): boolean {
    const { router, authorizer, connection, clientId, database, outbox, onDenied } = this.#options;
    database.separate();
    const route = router.routeOf(publication.topic);
    const refusal = authorizer.refusalOf(connection, publication, route);
    if (refusal !== null) {
      onDenied(refusal);
      return false;
    }
    if (publication.qos === 2) this.#publishOnce(publication, route);
    else {
      const taken = router.publish(publication, route, clientId, outbox);
      if (publication.qos === 1)
        this.#answers.say(reply.puback, publication.messageId, taken, publication.size);
    }
    this.#awaitRoom();
    return true;
  }

  /** A single message may be thousands of rows. */
  #awaitRoom(): void {
    const { database, clientId, sender } = this.#options;
    const room = database.roomOf(clientId);
    if (room === null) return;
    sender.hold();
    void room.then(() => sender.release());
  }

  /**
   * The message id of a durable session is kept in the transaction that takes the message in: so a repetition is known
   * exactly if the message is there [MQTT-4.3.3-2].
   */
  #publishOnce(publication: Publication, route: Route): void {
    const { router, database, clientId, clean, outbox } = this.#options;
    const { messageId } = publication;
    if (database.halfReceived(clientId, messageId) !== undefined) {
      // It may have come by an earlier connection, and be on its way to the disk.
      this.#answers.say(reply.pubrec, messageId, clean ? null : database.flushOf(clientId));
      return;
    }
    const session = clean ? null : (database.sessions.get(clientId) ?? null);
    const received = database.receive(session, clientId, messageId, { messageId });
    const taken = router.publish(publication, route, clientId, outbox);
    const isWaited = session !== null || taken !== null;
    this.#answers.say(
      reply.pubrec,
      messageId,
      isWaited ? Promise.all([received, taken]) : null,
      publication.size,
    );
  }

  /** Of a message that is not known there is nothing to do but to say so. */
  #complete(messageId: number): void {
    const { database, clientId, clean } = this.#options;
    const completed = database.complete(clientId, messageId);
    this.#answers.say(reply.pubcomp, messageId, clean ? null : completed);
  }
}
