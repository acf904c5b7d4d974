/**
 * What answers the message packets of one connection, in their order [MQTT-4.6.0-2], [MQTT-4.6.0-3]: an answer that waits
 * for the disk keeps those behind it waiting. All that may go at once leaves in one write.
 */
import type { Output } from '../front/output.ts';
import { type Reply, writeReply } from './encode-packets.ts';

interface Answer {
  readonly packet: Reply;
  readonly messageId: number;
  isDue: boolean;
}

export class Acknowledgements {
  readonly #output: Output;
  /** The oldest first. */
  readonly #waiting = new Set<Answer>();

  constructor(output: Output) {
    this.#output = output;
  }

  /** @param ready resolves when it may be said; never where that rejects; null where it may be at once */
  say(packet: Reply, messageId: number, ready: Promise<unknown> | null): void {
    if (ready === null && this.#waiting.size === 0) {
      writeReply(this.#output, packet, messageId);
      return;
    }
    const answer = { packet, messageId, isDue: ready === null };
    this.#waiting.add(answer);
    ready?.then(
      () => {
        answer.isDue = true;
        this.#sayDue();
      },
      () => {}, // the store has told of it, and ends everything
    );
  }

  #sayDue(): void {
    for (const answer of this.#waiting) {
      if (!answer.isDue) return;
      this.#waiting.delete(answer);
      writeReply(this.#output, answer.packet, answer.messageId);
    }
  }
}
