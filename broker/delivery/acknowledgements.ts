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
}

/** Answers that become due together, in order: those of one transaction, as a rule. */
interface Group {
  readonly ready: Promise<unknown>;
  readonly answers: Answer[];
  /** Of what they answer. */
  bytes: number;
  isDue: boolean;
}

export class Acknowledgements {
  readonly #output: Output;
  readonly #sender: Sender;
  /** The oldest first. */
  readonly #waiting: Group[] = [];
  #count = 0;
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
    let group = this.#waiting.at(-1);
    if (ready === null) {
      if (group === undefined) {
        writeReply(this.#output, packet, messageId);
        return;
      }
    } else if (group?.ready !== ready) group = this.#begin(ready);
    group.answers.push({ packet, messageId });
    group.bytes += bytes;
    this.#count++;
    this.#bytes += bytes;
    if (this.#isHolding || !this.#isTooMuch) return;
    this.#isHolding = true;
    this.#sender.hold();
  }

  get #isTooMuch(): boolean {
    return this.#count > MOST_WAITING || this.#bytes > MOST_BYTES;
  }

  #begin(ready: Promise<unknown>): Group {
    const group: Group = { ready, answers: [], bytes: 0, isDue: false };
    if (this.#waiting.push(group) === 1) this.#output.owe();
    group.ready.then(
      () => {
        group.isDue = true;
        this.#sayDue();
      },
      () => {}, // the store has told of it, and ends everything
    );
    return group;
  }

  #sayDue(): void {
    for (let group = this.#waiting[0]; group?.isDue; group = this.#waiting[0]) {
      this.#waiting.shift();
      this.#count -= group.answers.length;
      this.#bytes -= group.bytes;
      for (const { packet, messageId } of group.answers) writeReply(this.#output, packet, messageId);
    }
    if (this.#waiting.length === 0) this.#output.settle();
    if (!this.#isHolding || this.#isTooMuch) return;
    this.#isHolding = false;
    this.#sender.release();
  }
}
