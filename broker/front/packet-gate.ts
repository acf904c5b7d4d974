/**
 * Cuts a device's byte stream into packets, each where it lies, unless it comes in several chunks. Caps are applied to the
 * declared length, before the body is here; what the device may send a second, before the packet is looked at.
 */
import { GatehouseError } from '../../core/errors.ts';
import type { Limits } from '../../core/policy/policy.ts';
import type { Budget } from './budget.ts';
import { countFilters } from './filter-count.ts';
import { packetTypes, readLength } from './fixed-header.ts';
import { PacketAssembly } from './packet-assembly.ts';

/** Topic, its length and the packet identifier of a PUBLISH, beside the payload. */
export const PUBLISH_OVERHEAD = 1_024;
/** Longest packet of any other type; only SUBSCRIBE and UNSUBSCRIBE come near it. */
const CONTROL_PACKET_BYTES = 16 * 1_024;
/** What a packet is charged at least: short ones cost the broker more than their bytes. */
const MIN_CHARGE_BYTES = 64;

const { publish, puback, pubrec, pubrel, pubcomp, subscribe, unsubscribe, pingreq, disconnect } = packetTypes;
/** These count by bytes alone. */
const ACKNOWLEDGEMENTS: ReadonlySet<number> = new Set([puback, pubrec, pubrel, pubcomp]);
/** These answer what the broker sent: that bounds them, and they cost no more than their bytes. */
const ANSWERS: ReadonlySet<number> = new Set([puback, pubrec, pubcomp]);
/** The least and the most bytes that may follow the fixed header, by what has to be in them (§3.3 to §3.14). */
const LENGTHS = new Map<number, readonly [least: number, most: number]>([
  [publish, [3, Number.POSITIVE_INFINITY]],
  [puback, [2, 2]],
  [pubrec, [2, 2]],
  [pubrel, [2, 2]],
  [pubcomp, [2, 2]],
  [subscribe, [6, Number.POSITIVE_INFINITY]],
  [unsubscribe, [5, Number.POSITIVE_INFINITY]],
  [pingreq, [0, 0]],
  [disconnect, [0, 0]],
]);

export interface Passage {
  /** Bytes from the beginning of the chunk that have been taken. */
  readonly passed: number;
  /** ms until the rest may be tried again; 0 where there is no rest, or whoever takes the packets wants none now. */
  readonly wait: number;
}

/**
 * Takes a whole packet: `bytes` from `start` to `end`, its fixed header up to `body`. They are the taker's to look at
 * during the call, and to keep; never to change. False where it wants no further one now.
 */
export type TakePacket = (bytes: Buffer, start: number, body: number, end: number) => boolean;

export class PacketGate {
  readonly #budget: Budget;
  readonly #limits: () => Limits;
  /** Of a packet that has begun in an earlier chunk. */
  #assembly: PacketAssembly | undefined;
  /** Of the packet that has begun: its first byte, bytes of its fixed header and of all of it; 0 until they are known. */
  #first = 0;
  #header = 0;
  #size = 0;

  /** @param options.limits asked anew for each packet, since the policy may change */
  constructor({ budget, limits }: { readonly budget: Budget; readonly limits: () => Limits }) {
    this.#budget = budget;
    this.#limits = limits;
  }

  /** @throws GatehouseError `packet_too_large`, `packet_malformed`, and whatever `take` throws */
  pass(chunk: Buffer, now: number, take: TakePacket): Passage {
    let position = 0;
    while (position < chunk.length) {
      let isWanted: boolean;
      if (this.#assembly !== undefined) {
        position = this.#assemble(this.#assembly, chunk, position, now);
        if (this.#assembly.length < this.#size || this.#size === 0) continue;
        const { bytes } = this.#assembly;
        this.#assembly = undefined;
        isWanted = this.#leave(bytes, 0, now, take);
      } else {
        const wait = this.#budget.wait(now);
        if (wait > 0) return { passed: position, wait };
        this.#begin(chunk, position, now);
        if (this.#size === 0 || position + this.#size > chunk.length) {
          this.#assembly = new PacketAssembly();
          this.#assembly.add(chunk, position, chunk.length);
          break;
        }
        const start = position;
        position += this.#size;
        isWanted = this.#leave(chunk, start, now, take);
      }
      if (!isWanted) return { passed: position, wait: 0 };
    }
    return { passed: chunk.length, wait: 0 };
  }

  /** Goes on with a packet; returns how far it goes in this chunk. Of its header one byte at a time, which seldom is cut. */
  #assemble(assembly: PacketAssembly, chunk: Buffer, position: number, now: number): number {
    const missing = this.#size === 0 ? 1 : this.#size - assembly.length;
    const end = Math.min(position + missing, chunk.length);
    assembly.add(chunk, position, end);
    if (this.#size === 0) this.#begin(assembly.bytes.subarray(0, assembly.length), 0, now);
    return end;
  }

  /** Looks at the fixed header, as far as it is here. */
  #begin(bytes: Buffer, start: number, now: number): void {
    this.#size = 0;
    this.#first = bytes[start] ?? 0;
    const found = readLength(bytes, start + 1);
    if (found === undefined) return;
    this.#header = 1 + found.size;
    this.#enter(this.#first >> 4, found.length, now);
    this.#size = this.#header + found.length;
  }

  /** A packet was taken for an answer, and answers nothing: it costs as much as any other. */
  chargeUnasked(now: number): void {
    this.#budget.spend(0, MIN_CHARGE_BYTES, this.#limits(), now);
  }

  #enter(type: number, length: number, now: number): void {
    const limits = this.#limits();
    const range = LENGTHS.get(type);
    if (range === undefined) throw malformed(`packet type ${type} is not for a connected client to send`);
    const cap = type === publish ? limits.maxPayload + PUBLISH_OVERHEAD : CONTROL_PACKET_BYTES;
    if (length > cap) {
      throw new GatehouseError('packet_too_large', `a packet of ${length} bytes; at most ${cap}`);
    }
    const [least, most] = range;
    if (length < least || length > most) throw malformed(`a packet of type ${type} with ${length} bytes`);
    const messages = ACKNOWLEDGEMENTS.has(type) ? 0 : 1;
    const leastCharge = ANSWERS.has(type) ? 0 : MIN_CHARGE_BYTES;
    this.#budget.spend(messages, Math.max(this.#header + length, leastCharge), limits, now);
  }

  /** The packet is whole. Each filter beyond the first, which came with the packet, is charged as a message. */
  #leave(bytes: Buffer, start: number, now: number, take: TakePacket): boolean {
    const type = this.#first >> 4;
    const [body, end] = [start + this.#header, start + this.#size];
    this.#size = 0;
    if (type === subscribe || type === unsubscribe) {
      if (bytes.readUInt16BE(body) === 0) throw malformed('message id 0'); // [MQTT-2.3.1-1]
      const filters = countFilters(bytes, body, end, type === subscribe ? 1 : 0);
      if (filters === undefined) throw malformed('the packet does not hold topic filters and nothing else');
      this.#budget.spend(filters - 1, 0, this.#limits(), now);
    }
    return take(bytes, start, body, end);
  }
}

function malformed(what: string): GatehouseError {
  return new GatehouseError('packet_malformed', what);
}
