/** The last retained message of each topic (MQTT 3.1.1 §3.3.1.3), each on the account of the device that left it. */
import { Readable } from 'node:stream';
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
}

interface Account {
  readonly topics: Set<string>;
  bytes: number;
}

type Message = Pick<AedesPublishPacket, 'topic' | 'payload'>;

export class RetainedMessages {
  readonly #limits: RetainedLimits;
  readonly #tree = new TopicTree<Retained>();
  readonly #accounts = new Map<string, Account>();
  #count = 0;

  constructor(limits: RetainedLimits) {
    this.#limits = limits;
  }

  /** Of all owners. */
  get count(): number {
    return this.#count;
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
    this.#remove(packet.topic);
    if (packet.payload.length === 0) return;
    const bytes = sizeOf(packet);
    const account = this.#accounts.get(owner) ?? { topics: new Set(), bytes: 0 };
    this.#accounts.set(owner, account);
    account.topics.add(packet.topic);
    account.bytes += bytes;
    const kept = { ...packet, payload: ownPayload(packet.payload) };
    this.#tree.set(packet.topic, { packet: kept, owner, bytes });
    this.#count++;
  }

  removeAllOf(owner: string): void {
    for (const topic of this.#accounts.get(owner)?.topics ?? []) this.#remove(topic);
  }

  /** The messages that match, once for each filter. */
  stream(filters: readonly string[]): Readable {
    return Readable.from(this.#find(filters));
  }

  async *#find(filters: readonly string[]): AsyncGenerator<AedesPublishPacket> {
    let steps = 0;
    for (const filter of filters) {
      for (const found of this.#tree.matching(filter)) {
        if (++steps % STEPS_A_TURN === 0) await nextTurn();
        if (found !== undefined) yield found.packet;
      }
    }
  }

  #remove(topic: string): void {
    const retained = this.#tree.get(topic);
    if (retained === undefined) return;
    this.#tree.delete(topic);
    this.#count--;
    const account = this.#accounts.get(retained.owner);
    if (account === undefined) return;
    account.topics.delete(topic);
    account.bytes -= retained.bytes;
    if (account.topics.size === 0) this.#accounts.delete(retained.owner);
  }
}

function sizeOf({ topic, payload }: Message): number {
  return topic.length + payload.length + topic.split('/').length * LEVEL_BYTES;
}
