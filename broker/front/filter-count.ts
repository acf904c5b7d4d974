/**
 * Counts the topic filters in the body of a SUBSCRIBE or UNSUBSCRIBE (MQTT 3.1.1 §3.8.3, §3.10.3): one packet may carry
 * hundreds, and each is as much work as a packet of its own. What they may be is the policy's to say, but text they have to be.
 */
import { isUtf8 } from 'node:buffer';

const PACKET_IDENTIFIER_BYTES = 2;
const LENGTH_BYTES = 2;

/**
 * Undefined where the body, from `start` to `end` of `bytes`, does not end behind a filter [MQTT-3.8.3-3], [MQTT-3.10.3-2], or one of
 * them is not UTF-8 or holds U+0000 [MQTT-1.5.3-1], [MQTT-1.5.3-2].
 * @param optionBytes of the requested QoS, which follows each filter in SUBSCRIBE
 */
export function countFilters(
  bytes: Buffer,
  start: number,
  end: number,
  optionBytes: 0 | 1,
): number | undefined {
  let count = 0;
  let at = start + PACKET_IDENTIFIER_BYTES;
  while (at + LENGTH_BYTES <= end) {
    const filterAt = at + LENGTH_BYTES;
    const filterEnd = filterAt + bytes.readUInt16BE(at);
    const filter = bytes.subarray(filterAt, filterEnd);
    if (!isUtf8(filter) || filter.includes(0)) return undefined;
    at = filterEnd + optionBytes;
    count++;
  }
  return at === end && count > 0 ? count : undefined;
}
