/**
 * What answers the message packets of one connection, in their order [MQTT-4.6.0-2], [MQTT-4.6.0-3]: an answer that waits
 * for the disk keeps those behind it waiting. All that may go at once leaves in one write. A device to which too many are
 * due is held up: what it sends is in memory until the disk has it.
 */
import type { Output } from '../front/output.ts';
import { type Reply, writeReply } from './encode-packets.ts';
import type { Sender } from './outbox.ts';

/** That may wait for the disk, and bytes of what they answer. */
const MOST_WAITING = 1_000;
const MOST_BYTES = 256 * 1_024;

interface Answer {
  readonly packet: Reply;
  readonly messageId: number;
  readonly bytes: number;
  isDue: boolean;
}

export class Acknowledgements {
  readonly #output: Output;
  readonly #sender: Sender;
  /** The oldest first. */
  readonly #waiting = new Set<Answer>();
  #bytes = 0;
  #isHolding = false;

  constructor({ output, sender }: { readonly output: Output; readonly sender: Sender }) {
    this.#output = output;
    this.#sender = sender;
  }

  /**
   * @param ready resolves when it may be said; never where that rejects; null where it may be at once
   * @param bytes of what it answers
   */
  say(packet: Reply, messageId: number, ready: Promise<unknown> | null, bytes = 0): void {
    if (ready === null && this.#waiting.size === 0) {
      writeReply(this.#output, packet, messageId);
      return;
    }
    const answer = { packet, messageId, bytes, isDue: ready === null };
    this.#waiting.add(answer);
    this.#bytes += bytes;
    ready?.then(
      () => {
        answer.isDue = true;
        this.#sayDue();
      },
      () => {}, // the store has told of it, and ends everything
    );
    if (this.#isHolding || !this.#isTooMuch) return;
    this.#isHolding = true;
    this.#sender.hold();
  }

  get #isTooMuch(): boolean {
    return this.#waiting.size > MOST_WAITING || this.#bytes > MOST_BYTES;
  }

  #sayDue(): void {
    for (const answer of this.#waiting) {
      if (!answer.isDue) break;
      this.#waiting.delete(answer);
      this.#bytes -= answer.bytes;
      writeReply(this.#output, answer.packet, answer.messageId);
    }
    if (!this.#isHolding || this.#isTooMuch) return;
    this.#isHolding = false;
    this.#sender.release();
  }
}
