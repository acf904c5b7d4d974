/**
 * Follows the packets in a device's byte stream without copying or holding them: it looks at fixed headers only,
 * and says how far the stream may pass. Caps are applied to the declared length, before the body is here.
 */
import { GatehouseError } from '../../core/errors.ts';
import type { Limits } from '../../core/policy/policy.ts';
import type { Budget } from './budget.ts';
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
const FROM_CLIENTS: ReadonlySet<number> = new Set([
  ...[publish, subscribe, unsubscribe, pingreq, disconnect],
  ...ACKNOWLEDGEMENTS,
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
        this.#body -= step;
        position += step;
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
    if (!FROM_CLIENTS.has(type)) {
      throw new GatehouseError(
        'packet_malformed',
        `packet type ${type} is not for a connected client to send`,
      );
    }
    const cap = type === publish ? limits.maxPayload + PUBLISH_OVERHEAD : CONTROL_PACKET_BYTES;
    if (length > cap) {
      throw new GatehouseError('packet_too_large', `a packet of ${length} bytes; at most ${cap}`);
    }
    const messages = ACKNOWLEDGEMENTS.has(type) ? 0 : 1;
    this.#budget.spend(messages, Math.max(size + length, MIN_CHARGE_BYTES), limits, now);
    this.#body = length;
  }
}
