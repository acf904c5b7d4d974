/**
 * The message packets as devices send them (MQTT 3.1.1 §3.3 to §3.7), decoded where they lie. What a topic may be is not
 * decided here: that is the policy's, which tells the device's operator of it.
 */
import { GatehouseError } from '../../core/errors.ts';
import { Publication } from '../delivery/publication.ts';
import { packetTypes } from './fixed-header.ts';

const DUP = 0x08;
const RETAIN = 0x01;
/** Flags that PUBREL has to have [MQTT-3.6.1-1]; those of the others are zero. */
const PUBREL_FLAGS = 0x02;

/**
 * @param body where the fixed header ends @param end of the packet
 * @throws GatehouseError `packet_malformed`
 */
export function decodePublish(bytes: Buffer, start: number, body: number, end: number): Publication {
  const first = bytes[start] ?? 0;
  const qos = (first >> 1) & 0x03;
  if (qos !== 0 && qos !== 1 && qos !== 2) throw malformed('PUBLISH with QoS 3'); // [MQTT-3.3.1-4]
  if (qos === 0 && first & DUP) throw malformed('PUBLISH with DUP and QoS 0'); // [MQTT-3.3.1-2]
  const topicAt = body + 2;
  const topicEnd = topicAt + readUint16(bytes, body);
  const payloadAt = qos > 0 ? topicEnd + 2 : topicEnd;
  if (payloadAt > end) throw malformed('PUBLISH ends within its topic or message id');
  if (qos > 0 && readUint16(bytes, topicEnd) === 0) throw malformed('message id 0'); // [MQTT-2.3.1-1]
  const topic = bytes.toString('utf8', topicAt, topicEnd);
  const place = { bytes, start, payloadAt, end };
  return Publication.received(topic, qos, place, (first & RETAIN) !== 0);
}

/** The message id of PUBACK, PUBREC, PUBREL or PUBCOMP, whose length is known to be 2. @throws GatehouseError `packet_malformed` */
export function decodeMessageId(bytes: Buffer, start: number, body: number): number {
  const first = bytes[start] ?? 0;
  const flags = first >> 4 === packetTypes.pubrel ? PUBREL_FLAGS : 0;
  if ((first & 0x0f) !== flags) throw malformed(`a packet of type ${first >> 4} with flags ${first & 0x0f}`); // [MQTT-2.2.2-2]
  const messageId = readUint16(bytes, body);
  if (messageId === 0) throw malformed('message id 0');
  return messageId;
}

function readUint16(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function malformed(what: string): GatehouseError {
  return new GatehouseError('packet_malformed', what);
}
