/**
 * What waits for one durable session, oldest first: messages of QoS 1 and 2 that it has not acknowledged, and
 * PUBRELs that wait for PUBCOMP. Bounded: the oldest make room for the newest. Nothing here searches.
 */
import type { QueuedPacket } from './session-store.ts';

/** What an entry takes besides topic and payload, about. */
const ENTRY_BYTES = 256;

/** Of one session. */
export interface QueueLimits {
  readonly queueMessages: number;
  readonly queueBytes: number;
}

interface Entry {
  packet: QueuedPacket;
  /** Of the message, even once a PUBREL stands in its place. */
  readonly key: string;
  readonly bytes: number;
}

export class MessageQueue {
  readonly #limits: QueueLimits;
  /** In the order in which they came. */
  readonly #entries = new Set<Entry>();
  /** By broker id and counter. */
  readonly #byMessage = new Map<string, Entry>();
  /** Once they have been sent. */
  readonly #byMessageId = new Map<number, Entry>();
  #bytes = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Returns how many of the oldest were dropped for it. */
  add(packet: QueuedPacket): number {
    const bytes = ENTRY_BYTES + (packet.topic?.length ?? 0) + (packet.payload?.length ?? 0);
    const entry = { packet: { ...packet, messageId: undefined }, key: keyOf(packet), bytes };
    this.#entries.add(entry);
    this.#byMessage.set(entry.key, entry);
    this.#bytes += bytes;
    return this.#makeRoom();
  }

  /** A message is found by its broker id and counter, and given the message id; a PUBREL replaces what has its id. */
  update(packet: QueuedPacket): boolean {
    const { messageId } = packet;
    const isRelease = packet.cmd === 'pubrel';
    const entry = isRelease ? this.#withMessageId(messageId) : this.#byMessage.get(keyOf(packet));
    if (entry === undefined || messageId === undefined) return false;
    if (isRelease) entry.packet = packet;
    else this.#assign(entry, messageId);
    return true;
  }

  /** Takes what has this message id off the queue. */
  acknowledge(messageId: number): QueuedPacket | undefined {
    const entry = this.#withMessageId(messageId);
    if (entry === undefined) return undefined;
    this.#remove(entry);
    return entry.packet;
  }

  /** Takes the message off, wherever in the queue it is. */
  drop(packet: QueuedPacket): void {
    const entry = this.#byMessage.get(keyOf(packet));
    if (entry !== undefined) this.#remove(entry);
  }

  /** Those that are there now, as far as they are still there when their turn comes. */
  *packets(): Generator<QueuedPacket> {
    for (const entry of [...this.#entries]) if (this.#entries.has(entry)) yield entry.packet;
  }

  #withMessageId(messageId: number | undefined): Entry | undefined {
    return messageId === undefined ? undefined : this.#byMessageId.get(messageId);
  }

  #assign(entry: Entry, messageId: number): void {
    this.#forgetMessageId(entry);
    entry.packet = { ...entry.packet, messageId };
    this.#byMessageId.set(messageId, entry);
  }

  #makeRoom(): number {
    const { queueMessages, queueBytes } = this.#limits;
    let dropped = 0;
    for (const oldest of this.#entries) {
      if (this.#entries.size <= queueMessages && this.#bytes <= queueBytes) break;
      this.#remove(oldest);
      dropped++;
    }
    return dropped;
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry);
    this.#bytes -= entry.bytes;
    this.#byMessage.delete(entry.key);
    this.#forgetMessageId(entry);
  }

  #forgetMessageId(entry: Entry): void {
    const { messageId } = entry.packet;
    if (this.#withMessageId(messageId) === entry && messageId !== undefined)
      this.#byMessageId.delete(messageId);
  }
}

function keyOf({ brokerId, brokerCounter }: QueuedPacket): string {
  return `${brokerCounter} ${brokerId}`;
}
