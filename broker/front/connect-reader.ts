/** Takes the first packet off a socket: a CONNECT within its cap, or nothing. */
import type { Duplex } from 'node:stream';
import { GatehouseError } from '../../core/errors.ts';
import type { Arrival } from '../sessions/arrival.ts';
import { FixedHeaderReader, packetTypes } from './fixed-header.ts';

const CONNECT_FIRST_BYTE = packetTypes.connect << 4; // its four flag bits are zero (MQTT 3.1.1 §2.2.2)

interface ReadOptions {
  /** Cap on the packet with its fixed header, checked before the body is buffered. */
  readonly maxBytes: number;
  /** Where it ends, the promise rejects with its reason. */
  readonly arrival: Arrival;
}

/**
 * Resolves with the packet's body; whatever follows it stays in the socket, which is left paused.
 * @throws GatehouseError `connect_malformed`, `packet_malformed`, `packet_too_large`
 */
export function readConnect(socket: Duplex, { maxBytes, arrival }: ReadOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const assembly = new ConnectAssembly(maxBytes);
    const settle = () => {
      socket.off('data', onData).pause();
      stopListening();
    };
    const onData = (chunk: Buffer) => {
      try {
        const rest = assembly.add(chunk);
        if (rest === undefined) return;
        settle();
        if (rest.length > 0) socket.unshift(rest);
        resolve(assembly.body());
      } catch (error) {
        settle();
        reject(error);
      }
    };
    const stopListening = arrival.onEnd((reason) => {
      socket.off('data', onData).pause();
      reject(reason);
    });
    if (arrival.reason === null) socket.on('data', onData).resume();
  });
}

class ConnectAssembly {
  readonly #maxBytes: number;
  readonly #header = new FixedHeaderReader();
  readonly #parts: Buffer[] = [];
  /** Bytes of the body that are still to come; undefined until the header is whole. */
  #missing: number | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Returns what follows the packet once that is whole, else undefined. */
  add(chunk: Buffer): Buffer | undefined {
    let position = 0;
    while (this.#missing === undefined && position < chunk.length) {
      this.#takeHeaderByte(chunk.readUInt8(position++));
    }
    if (this.#missing === undefined) return undefined;
    const end = Math.min(position + this.#missing, chunk.length);
    this.#parts.push(chunk.subarray(position, end));
    this.#missing -= end - position;
    return this.#missing === 0 ? chunk.subarray(end) : undefined;
  }

  body(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #takeHeaderByte(byte: number): void {
    if (this.#header.atStart && byte !== CONNECT_FIRST_BYTE) {
      throw new GatehouseError('connect_malformed', 'the first packet is not CONNECT'); // [MQTT-3.1.0-1]
    }
    const header = this.#header.take(byte);
    if (header === undefined) return;
    if (header.size + header.length > this.#maxBytes) {
      const size = header.size + header.length;
      throw new GatehouseError('packet_too_large', `CONNECT of ${size} bytes; at most ${this.#maxBytes}`);
    }
    this.#missing = header.length;
  }
}
