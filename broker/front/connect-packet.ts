/** The CONNECT packet (MQTT 3.1.1 §3.1), decoded strictly. */
import { GatehouseError } from '../../core/errors.ts';
import { FieldReader } from './field-reader.ts';

/** MQTT 3.1.1. */
export const PROTOCOL_LEVEL = 4;

export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

/** User name and password are read past: who a device is, its certificate tells. */
export interface ConnectRequest {
  readonly clientId: string;
  readonly clean: boolean;
  /** Seconds; 0 for none. */
  readonly keepalive: number;
  readonly will: Will | null;
}

/** Connect Flags (§3.1.2.3). */
const flag = { reserved: 0x01, clean: 0x02, will: 0x04, willRetain: 0x20, password: 0x40, userName: 0x80 };
const WILL_QOS_SHIFT = 3;
const WILL_BITS = flag.willRetain | (0x03 << WILL_QOS_SHIFT);

/** @param body what follows the fixed header @throws GatehouseError `connect_malformed` */
export function readProtocolLevel(body: Buffer): number {
  const fields = new FieldReader(body);
  const name = fields.text();
  // "MQIsdp" is the name that MQTT 3.1 goes by; its level is refused like any other that is not ours.
  if (name !== 'MQTT' && name !== 'MQIsdp') throw malformed('the protocol is not MQTT'); // [MQTT-3.1.2-1]
  const level = fields.byte();
  return name === 'MQIsdp' && level === PROTOCOL_LEVEL ? 0 : level;
}

/** @param body of a CONNECT whose protocol level is 4 @throws GatehouseError `connect_malformed` */
export function decodeConnect(body: Buffer): ConnectRequest {
  const fields = new FieldReader(body);
  fields.text();
  fields.byte();
  const flags = fields.byte();
  checkFlags(flags);
  const keepalive = fields.uint16();
  const clientId = fields.text();
  const will = flags & flag.will ? readWill(fields, flags) : null;
  if (flags & flag.userName) fields.text();
  if (flags & flag.password) fields.binary();
  fields.end();
  return { clientId, clean: (flags & flag.clean) !== 0, keepalive, will };
}

function checkFlags(flags: number): void {
  if (flags & flag.reserved) throw malformed('the reserved flag is set'); // [MQTT-3.1.2-3]
  if (!(flags & flag.will) && flags & WILL_BITS) throw malformed('will flags without a will'); // [MQTT-3.1.2-11]
  if (flags & flag.password && !(flags & flag.userName)) {
    throw malformed('a password without a user name'); // [MQTT-3.1.2-22]
  }
}

function readWill(fields: FieldReader, flags: number): Will {
  const qos = (flags >> WILL_QOS_SHIFT) & 0x03;
  if (qos !== 0 && qos !== 1 && qos !== 2) throw malformed('a will with QoS 3'); // [MQTT-3.1.2-14]
  return { topic: fields.text(), payload: fields.binary(), qos, retain: (flags & flag.willRetain) !== 0 };
}

function malformed(what: string): GatehouseError {
  return new GatehouseError('connect_malformed', what);
}
