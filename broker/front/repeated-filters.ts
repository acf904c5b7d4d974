/**
 * A SUBSCRIBE may name a filter several times, and is owed a return code for each [MQTT-3.8.4-5]. Aedes answers each filter
 * once, where it stands first, with the QoS that was asked for last: the one that counts.
 */
import { packetTypes, readLength } from './fixed-header.ts';

const MESSAGE_ID_BYTES = 2;
const LENGTH_BYTES = 2;
const FAILURE = 0x80;

interface Asked {
  /** Which of the different filters it names, from 0 on. */
  readonly filter: number;
  readonly qos: number;
}

/** @param bytes with the body of a SUBSCRIBE, which is well formed, from `start` to `end`; null where no filter repeats */
export function repeatedFilters(bytes: Buffer, start: number, end: number): readonly Asked[] | null {
  const known = new Map<string, number>();
  const asked: Asked[] = [];
  for (let at = start + MESSAGE_ID_BYTES; at < end; ) {
    const qosAt = at + LENGTH_BYTES + bytes.readUInt16BE(at);
    const name = bytes.toString('latin1', at + LENGTH_BYTES, qosAt);
    const filter = known.get(name) ?? known.size;
    known.set(name, filter);
    asked.push({ filter, qos: bytes.readUInt8(qosAt) });
    at = qosAt + 1;
  }
  return known.size < asked.length ? asked : null;
}

/** @param packets whole ones, with the SUBACK of Aedes among them; with the one that is due in its place */
export function withEachCode(packets: Buffer, asked: readonly Asked[]): Buffer {
  for (let at = 0; at < packets.length; ) {
    const { length, size } = readLength(packets, at + 1) ?? { length: packets.length, size: 0 };
    const body = at + 1 + size;
    const end = body + length;
    if ((packets[at] ?? 0) >> 4 === packetTypes.suback) {
      const codesAt = body + MESSAGE_ID_BYTES;
      const codes = asked.map(({ filter, qos }) => {
        const granted = packets[codesAt + filter] ?? FAILURE;
        return granted === FAILURE ? FAILURE : Math.min(granted, qos);
      });
      return Buffer.concat([
        packets.subarray(0, at + 1),
        remainingLength(MESSAGE_ID_BYTES + codes.length),
        packets.subarray(body, codesAt),
        Buffer.from(codes),
        packets.subarray(end),
      ]);
    }
    at = end;
  }
  return packets;
}

/** §2.2.3. A SUBSCRIBE has no more than 16 KiB: two bytes are enough. */
function remainingLength(length: number): Buffer {
  return Buffer.from(length > 0x7f ? [(length & 0x7f) | 0x80, length >> 7] : [length]);
}
