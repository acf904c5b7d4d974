/** The last retained message of each topic (MQTT 3.1.1 §3.3.1.3), each on the account of the device that left it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AedesPublishPacket } from 'aedes';
import { GatehouseError } from '../../core/errors.ts';
import { ownPayload } from './own-payload.ts';
import { TopicTree } from './topic-tree.ts';

/** What a level of a topic takes in the tree besides its text, about. */
const LEVEL_BYTES = 128;
/** Branches of the tree that are looked at before others get their turn. */
const STEPS_A_TURN = 1_000;

/** Of one device. */
export interface RetainedLimits {
  readonly retainedMessages: number;
  readonly retainedBytes: number;
}

interface Retained {
  readonly packet: AedesPublishPacket;
  readonly owner: string;
  readonly bytes: number;
  /** In the order in which they were stored. */
  readonly number: number;
}

interface Account {
  readonly topics: Set<string>;
  bytes: number;
}

type Message = Pick<AedesPublishPacket, 'topic' | 'payload'>;

/** Where they outlast the process. Called in the order of the changes. */
export interface RetainedLog {
  keep(owner: string, packet: AedesPublishPacket): void;
  remove(topic: string): void;
}

export class RetainedMessages {
  readonly #limits: RetainedLimits;
  readonly #log: RetainedLog;
  readonly #tree = new TopicTree<Retained>();
  readonly #accounts = new Map<string, Account>();
  #count = 0;
  #lastNumber = 0;

  constructor(limits: RetainedLimits, log: RetainedLog) {
    this.#limits = limits;
    this.#log = log;
  }

  /** Whose there are. */
  owners(): readonly string[] {
    return [...this.#accounts.keys()];
  }

  /** Of all owners. */
  get count(): number {
    return this.#count;
  }

  /** Of the message that was stored last: all that is stored from here on has a higher one. */
  get lastNumber(): number {
    return this.#lastNumber;
  }

  /** Whether `owner` may leave this message. One that is empty only removes, and always may. */
  hasRoom(owner: string, message: Message): boolean {
    if (message.payload.length === 0) return true;
    const { topics, bytes } = this.#accounts.get(owner) ?? { topics: new Set(), bytes: 0 };
    const before = topics.has(message.topic) ? (this.#tree.get(message.topic)?.bytes ?? 0) : 0;
    const number = topics.size + (topics.has(message.topic) ? 0 : 1);
    const { retainedMessages, retainedBytes } = this.#limits;
    return number <= retainedMessages && bytes - before + sizeOf(message) <= retainedBytes;
  }

  /** Replaces the message of its topic; an empty one removes it [MQTT-3.3.1-10]. @throws GatehouseError `retained_limit` */
  store(owner: string, packet: AedesPublishPacket): void {
    if (!this.hasRoom(owner, packet)) throw new GatehouseError('retained_limit');
    if (packet.payload.length === 0) {
      if (this.#remove(packet.topic)) this.#log.remove(packet.topic);
      return;
    }
    this.#log.keep(owner, this.restore(owner, packet));
  }

  /** Takes in what the store has; whatever its size, since it was let in once. */
  restore(owner: string, packet: AedesPublishPacket): AedesPublishPacket {
    this.#remove(packet.topic);
    const bytes = sizeOf(packet);
    const account = this.#accounts.get(owner) ?? { topics: new Set(), bytes: 0 };
    this.#accounts.set(owner, account);
    account.topics.add(packet.topic);
    account.bytes += bytes;
    const kept = { ...packet, payload: ownPayload(packet.payload) };
    this.#tree.set(packet.topic, { packet: kept, owner, bytes, number: ++this.#lastNumber });
    this.#count++;
    return kept;
  }

  removeAllOf(owner: string): void {
    for (const topic of this.#accounts.get(owner)?.topics ?? []) {
      this.#remove(topic);
      this.#log.remove(topic);
    }
  }

  /** The messages that match, once for each filter. */
  async *find(...filters: string[]): AsyncGenerator<AedesPublishPacket> {
    let steps = 0;
    for (const filter of filters) {
      for (const found of this.#tree.matching(filter)) {
        if (++steps % STEPS_A_TURN === 0) await nextTurn();
        if (found !== undefined) yield found.packet;
      }
    }
  }

  /**
   * Looks for the messages that match, and yields at each step: a message, or undefined where there is none, so that whoever
   * looks can pause, and then finds what is there by then.
   * @param lastNumber of those that are looked for: what came later goes another way
   */
  *walk(filter: string, lastNumber: number): Generator<AedesPublishPacket | undefined, void> {
    for (const found of this.#tree.matching(filter)) {
      yield found !== undefined && found.number <= lastNumber ? found.packet : undefined;
    }
  }

  #remove(topic: string): boolean {
    const retained = this.#tree.get(topic);
    if (retained === undefined) return false;
    this.#tree.delete(topic);
    this.#count--;
    const account = this.#accounts.get(retained.owner);
    if (account === undefined) return true;
    account.topics.delete(topic);
    account.bytes -= retained.bytes;
    if (account.topics.size === 0) this.#accounts.delete(retained.owner);
    return true;
  }
}

function sizeOf({ topic, payload }: Message): number {
  return topic.length + payload.length + topic.split('/').length * LEVEL_BYTES;
}
