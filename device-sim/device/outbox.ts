/**
 * What a device has to say, kept until the broker has acknowledged it: what one connection did not get through goes
 * out on the next one. So each message arrives at least once (QoS 1), whatever becomes of the connections.
 */
import type { Session } from '../contract/mqtt-session.ts';

/** Messages that are kept at most; the oldest make room for the newest. */
const CAPACITY = 1_000;

export interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly retain?: boolean;
  /** Told when the broker has it. */
  readonly onAcknowledged?: () => void;
}

export class Outbox {
  /** In the order in which they came. */
  readonly #waiting = new Set<Message>();
  /** Those that are on their way. */
  readonly #sending = new Map<Message, Promise<void>>();

  /** Sends again what earlier sessions did not get through. @throws Failure `connection_lost` */
  async resume(session: Session): Promise<void> {
    const left = [...this.#waiting].filter((message) => !this.#sending.has(message));
    await Promise.all(left.map((message) => this.#send(session, message)));
  }

  /** Resolves when the broker has it. @throws Failure `connection_lost`; the message is kept */
  async publish(session: Session, message: Message): Promise<void> {
    this.#waiting.add(message);
    for (const oldest of this.#waiting) {
      if (this.#waiting.size <= CAPACITY) break;
      this.#waiting.delete(oldest);
    }
    await this.#send(session, message);
  }

  /** Resolves when nothing is on its way any more, acknowledged or not. */
  async settled(): Promise<void> {
    while (this.#sending.size > 0) await Promise.allSettled(this.#sending.values());
  }

  async #send(session: Session, message: Message): Promise<void> {
    const { topic, payload, retain = false, onAcknowledged } = message;
    const sending = session.publish(topic, payload, { retain });
    this.#sending.set(message, sending);
    try {
      await sending;
    } finally {
      this.#sending.delete(message);
    }
    this.#waiting.delete(message);
    onAcknowledged?.();
  }
}
