/** CONNECT decoded strictly (MQTT 3.1.1 §3.1), by itself. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { type ConnectRequest, decodeConnect, readProtocolLevel } from '../../broker/front/connect-packet.ts';
import { FixedHeaderReader } from '../../broker/front/fixed-header.ts';
import { GatehouseError } from '../../core/errors.ts';

function bodyOf(packet: Buffer): Buffer {
  const reader = new FixedHeaderReader();
  for (let index = 0; index < packet.length; index++) {
    const header = reader.take(packet.readUInt8(index));
    if (header === undefined) continue;
    expect(packet).toHaveLength(header.size + header.length);
    return packet.subarray(index + 1);
  }
  throw new Error('no header');
}

const text = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((value) => !value.includes('\0'));
const request: fc.Arbitrary<ConnectRequest> = fc.record({
  clientId: text.filter((value) => value !== ''),
  clean: fc.boolean(),
  keepalive: fc.nat(65_535),
  will: fc.option(
    fc.record({
      topic: text.filter((value) => value !== ''),
      payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
      retain: fc.boolean(),
    }),
  ),
});

describe('decoding', () => {
  it('reads what mqtt-packet writes', () => {
    fc.assert(
      fc.property(request, fc.option(text), (wanted, username) => {
        const { will, ...rest } = wanted;
        const packet = generate({
          cmd: 'connect',
          protocolId: 'MQTT',
          protocolVersion: 4,
          ...rest,
          ...(will && { will }),
          ...(username && { username, password: Buffer.from('secret') }),
        });
        const body = bodyOf(packet);
        expect(readProtocolLevel(body)).toBe(4);
        expect(decodeConnect(body)).toEqual(wanted);
      }),
    );
  });

  it('refuses whatever else comes with its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(40), (noise, at) => {
        const start = bodyOf(generate({ cmd: 'connect', clientId: 'dev-1', clean: true, keepalive: 1 }));
        const body = Buffer.concat([start.subarray(0, at), Buffer.from(noise)]);
        try {
          readProtocolLevel(body);
          decodeConnect(body);
        } catch (error) {
          expect(error).toBeInstanceOf(GatehouseError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

const name = [0, 4, 0x4d, 0x51, 0x54, 0x54, 4];
const clientId = [0, 1, 0x61];
const keepalive = [0, 60];

describe('a CONNECT is malformed', () => {
  it.each([
    ['with the reserved flag [MQTT-3.1.2-3]', [...name, 0x03, ...keepalive, ...clientId]],
    ['with will QoS and no will [MQTT-3.1.2-13]', [...name, 0x0a, ...keepalive, ...clientId]],
    ['with will retain and no will [MQTT-3.1.2-15]', [...name, 0x22, ...keepalive, ...clientId]],
    ['with will QoS 3 [MQTT-3.1.2-14]', [...name, 0x1e, ...keepalive, ...clientId, 0, 1, 0x74, 0, 0]],
    ['with a password and no user name [MQTT-3.1.2-22]', [...name, 0x42, ...keepalive, ...clientId, 0, 0]],
    ['with bytes after its fields', [...name, 0x02, ...keepalive, ...clientId, 0]],
    ['without its user name', [...name, 0x82, ...keepalive, ...clientId]],
    ['without its client id', [...name, 0x02, ...keepalive]],
    ['with a client id longer than the packet', [...name, 0x02, ...keepalive, 0xff, 0xff, 0x61]],
    ['with a client id that is not UTF-8 [MQTT-1.5.3-1]', [...name, 0x02, ...keepalive, 0, 1, 0xff]],
    ['with a surrogate in UTF-8 [MQTT-1.5.3-1]', [...name, 0x02, ...keepalive, 0, 3, 0xed, 0xa0, 0x80]],
    ['with U+0000 [MQTT-1.5.3-2]', [...name, 0x02, ...keepalive, 0, 1, 0]],
    ['for another protocol [MQTT-3.1.2-1]', [0, 4, 0x48, 0x54, 0x54, 0x50, 4, 2, 0, 0, 0, 0]],
    ['that is empty', []],
  ])('%s', (_, bytes) => {
    const body = Buffer.from(bytes);
    expect(() => {
      readProtocolLevel(body);
      decodeConnect(body);
    }).toThrow(expect.objectContaining({ code: 'connect_malformed' }));
  });
});
