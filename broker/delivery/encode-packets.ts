/** The message packets (MQTT 3.1.1 §3.3 to §3.7) as bytes. */
import type { Output } from '../front/output.ts';
import type { QoS } from './publication.ts';

/** First bytes of the packets that carry a message id and no more; PUBREL with the flags it has to have [MQTT-3.6.1-1]. */
export const reply = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;
export type Reply = (typeof reply)[keyof typeof reply];

const PUBLISH = 0x30;
const DUP = 0x08;
const RETAIN = 0x01;
const REPLY_BYTES = 4;

export interface PublishText {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain?: boolean;
  readonly dup?: boolean;
  /** Not there with QoS 0. */
  readonly messageId: number;
}

interface Flags {
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
}

/** The first byte of a PUBLISH. */
export function publishFlags({ qos, retain, dup }: Flags): number {
  return PUBLISH | (dup ? DUP : 0) | (qos << 1) | (retain ? RETAIN : 0);
}

export function encodePublish(packet: PublishText): Buffer {
  const topicBytes = Buffer.byteLength(packet.topic);
  const length = publishLength(packet, topicBytes);
  const bytes = Buffer.allocUnsafe(1 + lengthBytes(length) + length);
  writePacket(bytes, 0, { packet, topicBytes, length });
  return bytes;
}

/** The same, where it leaves from. */
export function writePublish(output: Output, packet: PublishText): void {
  const topicBytes = Buffer.byteLength(packet.topic);
  const length = publishLength(packet, topicBytes);
  const at = output.reserve(1 + lengthBytes(length) + length);
  writePacket(output.bytes, at, { packet, topicBytes, length });
}

interface Measured {
  readonly packet: PublishText;
  readonly topicBytes: number;
  /** Remaining Length. */
  readonly length: number;
}

function publishLength({ qos, payload }: PublishText, topicBytes: number): number {
  return 2 + topicBytes + (qos > 0 ? 2 : 0) + payload.length;
}

function writePacket(bytes: Buffer, start: number, { packet, topicBytes, length }: Measured): void {
  const { topic, payload, qos, retain = false, dup = false, messageId } = packet;
  bytes[start] = publishFlags({ qos, retain, dup });
  let at = writeLength(bytes, start + 1, length);
  at = bytes.writeUInt16BE(topicBytes, at);
  at += bytes.write(topic, at);
  if (qos > 0) at = bytes.writeUInt16BE(messageId, at);
  bytes.set(payload, at);
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP. */
export function writeReply(output: Output, first: Reply, messageId: number): void {
  const at = output.reserve(REPLY_BYTES);
  const { bytes } = output;
  bytes[at] = first;
  bytes[at + 1] = 2;
  bytes[at + 2] = messageId >> 8;
  bytes[at + 3] = messageId & 0xff;
}

/** How many bytes a remaining length takes, at least. */
export function lengthBytes(length: number): number {
  let count = 1;
  for (let left = length >>> 7; left > 0; left >>>= 7) count++;
  return count;
}

/** Remaining Length (§2.2.3). */
function writeLength(bytes: Buffer, start: number, length: number): number {
  let at = start;
  for (let left = length; ; left >>>= 7) {
    bytes[at++] = left > 0x7f ? (left & 0x7f) | 0x80 : left;
    if (left <= 0x7f) return at;
  }
}
