/** PUBLISH and PUBREL (MQTT 3.1.1 §3.3, §3.6), a burst of them as one piece of bytes. */

export interface OutgoingPublish {
  readonly cmd: 'publish';
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 1 | 2;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly messageId: number;
}

export interface OutgoingRelease {
  readonly cmd: 'pubrel';
  readonly messageId: number;
}

export type Outgoing = OutgoingPublish | OutgoingRelease;

const PUBLISH = 0x30;
const DUP = 0x08;
/** With the flags that PUBREL has to have [MQTT-3.6.1-1]. */
const PUBREL = 0x62;
/** Type and flags, four bytes of length, the topic's length and the message id. */
const MOST_AROUND = 1 + 4 + 2 + 2;

export function encodePackets(packets: readonly Outgoing[]): Buffer {
  const bytes = Buffer.allocUnsafe(packets.reduce((sum, packet) => sum + MOST_AROUND + sizeOf(packet), 0));
  let end = 0;
  for (const packet of packets) {
    end = packet.cmd === 'pubrel' ? writeRelease(bytes, end, packet) : writePublish(bytes, end, packet);
  }
  return bytes.subarray(0, end);
}

/** Of topic and payload, at most: a character of UTF-16 is at most three bytes of UTF-8. */
function sizeOf(packet: Outgoing): number {
  return packet.cmd === 'pubrel' ? 0 : packet.topic.length * 3 + packet.payload.length;
}

function writeRelease(bytes: Buffer, start: number, { messageId }: OutgoingRelease): number {
  bytes[start] = PUBREL;
  bytes[start + 1] = 2;
  return bytes.writeUInt16BE(messageId, start + 2);
}

function writePublish(bytes: Buffer, start: number, packet: OutgoingPublish): number {
  const { topic, payload, qos, retain, dup, messageId } = packet;
  const topicBytes = Buffer.byteLength(topic);
  bytes[start] = PUBLISH | (dup ? DUP : 0) | (qos << 1) | (retain ? 1 : 0);
  let at = writeLength(bytes, start + 1, 2 + topicBytes + 2 + payload.length);
  at = bytes.writeUInt16BE(topicBytes, at);
  at += bytes.write(topic, at);
  at = bytes.writeUInt16BE(messageId, at);
  return at + payload.copy(bytes, at);
}

/** Remaining Length (§2.2.3). */
function writeLength(bytes: Buffer, start: number, length: number): number {
  let at = start;
  for (let left = length; ; left >>>= 7) {
    bytes[at++] = left > 0x7f ? (left & 0x7f) | 0x80 : left;
    if (left <= 0x7f) return at;
  }
}
