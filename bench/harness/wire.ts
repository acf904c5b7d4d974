/** The few packets of MQTT 3.1.1 that the load needs, written once and counted rather than understood. */

const CONNECT = 0x10;
const CONNACK = 0x20;
const PUBLISH = 0x30;
const PUBACK = 0x40;
const SUBSCRIBE = 0x82;
const SUBACK = 0x90;
const DISCONNECT = 0xe0;

export type Qos = 0 | 1;

export function connectPacket(clientId: string, { clean }: { readonly clean: boolean }): Buffer {
  // Keep-alive 0: nobody pings.
  const header = Buffer.concat([text('MQTT'), Buffer.from([4, clean ? 0x02 : 0x00, 0, 0])]);
  return packet(CONNECT, Buffer.concat([header, text(clientId)]));
}

export function subscribePacket(filter: string, qos: Qos): Buffer {
  return packet(SUBSCRIBE, Buffer.concat([Buffer.from([0, 1]), text(filter), Buffer.from([qos])]));
}

export const disconnectPacket = Buffer.from([DISCONNECT, 0]);

/** A PUBLISH; with QoS 1 another packet id may be written in place before it is sent again. */
export interface PublishTemplate {
  readonly bytes: Buffer;
  /** Where the packet id stands; null with QoS 0. */
  readonly packetIdAt: number | null;
}

export function publishTemplate(topic: string, payload: Buffer, qos: Qos, id = 0): PublishTemplate {
  const name = text(topic);
  const packetId = qos === 0 ? Buffer.alloc(0) : Buffer.alloc(2);
  const bytes = packet(PUBLISH | (qos << 1), Buffer.concat([name, packetId, payload]));
  const packetIdAt = qos === 0 ? null : bytes.length - payload.length - 2;
  if (packetIdAt !== null) bytes.writeUInt16BE(id, packetIdAt);
  return { bytes, packetIdAt };
}

/** What a broker sent, as it comes. */
export interface PacketHandlers {
  readonly connack?: (accepted: boolean, sessionPresent: boolean) => void;
  readonly suback?: () => void;
  readonly puback?: () => void;
  /** @param packetId null with QoS 0 @param payload a view of bytes that are good until the handler returns */
  readonly publish?: (packetId: number | null, payload: Buffer) => void;
}

/** Cuts a stream of bytes into packets. */
export class PacketReader {
  readonly #handlers: PacketHandlers;
  #rest: Buffer = Buffer.alloc(0);

  constructor(handlers: PacketHandlers) {
    this.#handlers = handlers;
  }

  read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let offset = 0;
    for (;;) {
      const end = this.#readOne(bytes, offset);
      if (end === null) break;
      offset = end;
    }
    this.#rest = bytes.subarray(offset);
  }

  /** @returns where the packet ends; null where it is not all there */
  #readOne(bytes: Buffer, offset: number): number | null {
    let [position, length, shift] = [offset + 1, 0, 0];
    for (;;) {
      const octet = bytes[position];
      if (octet === undefined) return null;
      position += 1;
      length |= (octet & 0x7f) << shift;
      if (octet < 0x80) break;
      shift += 7;
    }
    const end = position + length;
    if (bytes.length < end) return null;
    this.#handle(bytes[offset] ?? 0, bytes, position, end);
    return end;
  }

  #handle(first: number, bytes: Buffer, start: number, end: number): void {
    const { connack, suback, puback, publish } = this.#handlers;
    switch (first & 0xf0) {
      case PUBLISH: {
        const topicEnd = start + 2 + bytes.readUInt16BE(start);
        const qos = (first >> 1) & 0x03;
        const packetId = qos === 0 ? null : bytes.readUInt16BE(topicEnd);
        publish?.(packetId, bytes.subarray(topicEnd + (qos === 0 ? 0 : 2), end));
        break;
      }
      case PUBACK:
        puback?.();
        break;
      case SUBACK & 0xf0:
        suback?.();
        break;
      case CONNACK:
        connack?.(bytes[start + 1] === 0, bytes[start] === 1);
        break;
      default:
    }
  }
}

/** PUBACKs for all of these, to be sent at one stroke. */
export function pubacks(packetIds: readonly number[]): Buffer {
  const bytes = Buffer.alloc(packetIds.length * 4);
  packetIds.forEach((packetId, place) => {
    bytes.writeUInt16BE((PUBACK << 8) | 2, place * 4);
    bytes.writeUInt16BE(packetId, place * 4 + 2);
  });
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function packet(first: number, body: Buffer): Buffer {
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}
