/** The fixed header that begins every MQTT packet (MQTT 3.1.1 §2.2), read byte by byte as it arrives. */
import { GatehouseError } from '../../core/errors.ts';

/** Control packet types (§2.2.1) that the front tells apart. */
export const packetTypes = {
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  disconnect: 14,
} as const;

/** The remaining length takes one to four bytes (§2.2.3). */
const MAX_LENGTH_BYTES = 4;

export interface FixedHeader {
  readonly type: number;
  /** The remaining length: bytes that follow the fixed header. */
  readonly length: number;
  /** Bytes of the fixed header itself. */
  readonly size: number;
}

/**
 * The remaining length that begins at `start`, and how many bytes it takes; undefined where it is not all there.
 * @throws GatehouseError `packet_malformed`
 */
export function readLength(
  bytes: Buffer,
  start: number,
): { readonly length: number; readonly size: number } | undefined {
  let length = 0;
  for (let size = 1; size <= MAX_LENGTH_BYTES; size++) {
    const byte = bytes[start + size - 1];
    if (byte === undefined) return undefined;
    length |= (byte & 0x7f) << (7 * (size - 1));
    if (byte < 0x80) return { length, size };
  }
  throw tooLong();
}

export class FixedHeaderReader {
  #first: number | undefined;
  #length = 0;
  #lengthBytes = 0;

  /** Whether the next byte begins a packet. */
  get atStart(): boolean {
    return this.#first === undefined;
  }

  /**
   * Takes one byte. Returns the header with the byte that completes it, and is then ready for the next one.
   * @throws GatehouseError `packet_malformed`
   */
  take(byte: number): FixedHeader | undefined {
    if (this.#first === undefined) {
      this.#first = byte;
      return undefined;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes++;
    if ((byte & 0x80) === 0) {
      const header = { type: this.#first >> 4, length: this.#length, size: 1 + this.#lengthBytes };
      this.#first = undefined;
      this.#length = 0;
      this.#lengthBytes = 0;
      return header;
    }
    if (this.#lengthBytes === MAX_LENGTH_BYTES) {
      throw tooLong();
    }
    return undefined;
  }
}

function tooLong(): GatehouseError {
  return new GatehouseError('packet_malformed', 'the remaining length takes more than four bytes');
}
