/**
 * Follows the packets in a device's byte stream without copying or holding them: it looks at fixed headers, counts
 * the filters that are subscribed to, and says how far the stream may pass. Caps are applied to the declared
 * length, before the body is here.
 */
import { GatehouseError } from '../../core/errors.ts';
import type { Limits } from '../../core/policy/policy.ts';
import type { Budget } from './budget.ts';
import { FilterCount } from './filter-count.ts';
import { type FixedHeader, FixedHeaderReader, packetTypes } from './fixed-header.ts';

/** Topic, its length and the packet identifier of a PUBLISH, beside the payload. */
const PUBLISH_OVERHEAD = 1_024;
/** Longest packet of any other type; only SUBSCRIBE and UNSUBSCRIBE come near it. */
const CONTROL_PACKET_BYTES = 16 * 1_024;
/** What a packet is charged at least: short ones cost the broker more than their bytes. */
const MIN_CHARGE_BYTES = 64;

const { publish, puback, pubrec, pubrel, pubcomp, subscribe, unsubscribe, pingreq, disconnect } = packetTypes;
/** Acknowledgements answer what the broker sent, so they count by bytes alone. */
const ACKNOWLEDGEMENTS: ReadonlySet<number> = new Set([puback, pubrec, pubrel, pubcomp]);
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
  /** Bytes from the beginning of the chunk that may pass now. */
  readonly passed: number;
  /** ms until the rest may be tried again; 0 where there is no rest. */
  readonly wait: number;
}

export class PacketGate {
  readonly #budget: Budget;
  readonly #limits: () => Limits;
  readonly #header = new FixedHeaderReader();
  #body = 0;
  /** Of the packet whose body passes, where it is one that carries filters. */
  #filters: FilterCount | undefined;

  /** @param options.limits asked anew for each packet, since the policy may change */
  constructor({ budget, limits }: { readonly budget: Budget; readonly limits: () => Limits }) {
    this.#budget = budget;
    this.#limits = limits;
  }

  /** @throws GatehouseError `packet_too_large`, `packet_malformed` */
  pass(chunk: Buffer, now: number): Passage {
    let position = 0;
    while (position < chunk.length) {
      if (this.#body > 0) {
        const step = Math.min(this.#body, chunk.length - position);
        this.#filters?.take(chunk.subarray(position, position + step));
        this.#body -= step;
        position += step;
        if (this.#body === 0) this.#leave(now);
        continue;
      }
      if (this.#header.atStart) {
        const wait = this.#budget.wait(now);
        if (wait > 0) return { passed: position, wait };
      }
      const header = this.#header.take(chunk.readUInt8(position++));
      if (header !== undefined) this.#enter(header, now);
    }
    return { passed: position, wait: 0 };
  }

  #enter({ type, length, size }: FixedHeader, now: number): void {
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
    this.#budget.spend(messages, Math.max(size + length, MIN_CHARGE_BYTES), limits, now);
    this.#body = length;
    if (type === subscribe) this.#filters = new FilterCount({ optionBytes: 1 });
    if (type === unsubscribe) this.#filters = new FilterCount({ optionBytes: 0 });
  }

  /** The body has passed: each filter beyond the first, which came with the packet, is charged as a message. */
  #leave(now: number): void {
    const filters = this.#filters;
    if (filters === undefined) return;
    this.#filters = undefined;
    if (!filters.isWhole) throw malformed('the packet does not end with a filter');
    this.#budget.spend(filters.count - 1, 0, this.#limits(), now);
  }
}

function malformed(what: string): GatehouseError {
  return new GatehouseError('packet_malformed', what);
}
