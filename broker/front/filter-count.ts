/**
 * Counts the topic filters in the body of a SUBSCRIBE or UNSUBSCRIBE (MQTT 3.1.1 §3.8.3, §3.10.3): one packet may carry
 * hundreds, and each is as much work as a packet of its own. What they may be is the policy's to say, but filters they have to be:
 * what is none is a violation of the protocol, which ends the connection [MQTT-4.8.0-1], and no request to be denied.
 */
import { isUtf8 } from 'node:buffer';
import { GatehouseError } from '../../core/errors.ts';
import { quote } from '../../core/ids.ts';
import { topicFilterViolation } from '../../core/policy/topic.ts';

const PACKET_IDENTIFIER_BYTES = 2;
const LENGTH_BYTES = 2;
const PLUS = 0x2b;
const HASH = 0x23;

/**
 * @param bytes with the body from `start` to `end`
 * @param optionBytes of the requested QoS, which follows each filter in SUBSCRIBE
 * @throws GatehouseError `packet_malformed` where the body does not end behind a filter [MQTT-3.8.3-3], [MQTT-3.10.3-2], or one
 *   of them is not UTF-8 or holds U+0000 [MQTT-1.5.3-1], [MQTT-1.5.3-2]; `topic_filter_invalid` where one is none (§4.7)
 */
export function countFilters(bytes: Buffer, start: number, end: number, optionBytes: 0 | 1): number {
  let count = 0;
  let at = start + PACKET_IDENTIFIER_BYTES;
  while (at + LENGTH_BYTES <= end) {
    const filterAt = at + LENGTH_BYTES;
    const filterEnd = filterAt + bytes.readUInt16BE(at);
    if (filterEnd > end) break;
    refuseViolation(bytes.subarray(filterAt, filterEnd));
    at = filterEnd + optionBytes;
    count++;
  }
  if (at !== end || count === 0) throw malformed('the packet does not hold topic filters and nothing else');
  return count;
}

function refuseViolation(bytes: Buffer): void {
  if (!isUtf8(bytes) || bytes.includes(0)) throw malformed('a topic filter is no text');
  if (bytes.length > 0 && !bytes.includes(PLUS) && !bytes.includes(HASH)) return; // most hold no wildcard
  const filter = bytes.toString();
  const violation = topicFilterViolation(filter);
  if (violation !== null) throw new GatehouseError('topic_filter_invalid', `${quote(filter)}: ${violation}`);
}

function malformed(what: string): GatehouseError {
  return new GatehouseError('packet_malformed', what);
}
