/** The decoder of message packets: what it makes of them, and what it refuses. mqtt-packet, which others use, is the judge. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generate, type IPublishPacket, parser } from 'mqtt-packet';
import type { Publication, QoS } from '../../broker/delivery/publication.ts';
import { decodeMessageId, decodePublish } from '../../broker/front/message-packets.ts';
import { Output } from '../../broker/front/output.ts';
import { GatehouseError } from '../../core/errors.ts';
import { Line } from './samples.ts';

/** As the gate hands it over: somewhere in a chunk. */
function decode(packet: Buffer, before = 3): Publication {
  const bytes = Buffer.concat([Buffer.alloc(before, 0xee), packet, Buffer.alloc(5, 0xee)]);
  let header = 2;
  while ((packet[header - 1] ?? 0) > 0x7f) header++;
  return decodePublish(bytes, before, before + header, before + packet.length);
}

function parse(bytes: Buffer): IPublishPacket {
  let found: IPublishPacket | undefined;
  const reading = parser({ protocolVersion: 4 });
  reading.on('packet', (packet) => (found = packet as IPublishPacket));
  reading.parse(bytes);
  if (found === undefined) throw new Error('no packet');
  return found;
}

/** What a receiver of `publication` would read. */
function sent(publication: Publication, qos: QoS, messageId: number): IPublishPacket {
  const line = new Line();
  const output = new Output({ socket: line, drainTime: 1_000, onStalled: () => {} });
  const { bytes, start, end } = publication.wire(qos);
  const at = output.append(bytes, start, end);
  output.bytes[at] = publication.firstByte(qos);
  if (qos > 0) output.bytes.writeUInt16BE(messageId, at + publication.idOffset);
  output.flush();
  return parse(line.sent);
}

const message = fc.record({
  topic: fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }).filter((text) => !/[+#\0]/.test(text)),
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  qos: fc.constantFrom<QoS>(0, 1, 2),
  retain: fc.boolean(),
  dup: fc.boolean(),
  messageId: fc.integer({ min: 1, max: 65_535 }),
});

describe('a PUBLISH', () => {
  it('is understood just as mqtt-packet understands it', () => {
    fc.assert(
      fc.property(message, fc.nat(9), (text, before) => {
        const bytes = generate({ cmd: 'publish', ...text, dup: text.qos > 0 && text.dup });
        const found = decode(bytes, before);
        expect(found).toMatchObject({ topic: text.topic, qos: text.qos, isToBeRetained: text.retain });
        expect(found.payload.equals(text.payload)).toBe(true);
        expect([found.payloadBytes, found.size]).toEqual([text.payload.length, bytes.length]);
        if (text.qos > 0) expect(found.messageId).toBe(text.messageId);
      }),
      { numRuns: 500 },
    );
  });

  it('goes on to each receiver with what is due to it, and nothing that its sender said for itself', () => {
    fc.assert(
      fc.property(message, fc.integer({ min: 1, max: 65_535 }), fc.boolean(), (text, messageId, isOwn) => {
        const found = decode(generate({ cmd: 'publish', ...text, dup: text.qos > 0 && text.dup }));
        if (isOwn) found.own();
        for (const qos of [0, 1, 2] as const) {
          if (qos > text.qos) continue;
          const { topic, payload } = text;
          const expected = { topic, qos, retain: false, dup: false, ...(qos > 0 && { messageId }) };
          const received = sent(found, qos, messageId);
          expect(received).toMatchObject(expected);
          expect(payload.equals(received.payload as Buffer)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('whose length is written with more bytes than it takes goes on with as many as it takes', () => {
    const found = decode(Buffer.from([0x32, 0x86, 0x80, 0x00, 0, 1, 0x74, 0, 9, 0x78]));
    expect(found).toMatchObject({ topic: 't', qos: 1, messageId: 9, payload: Buffer.from('x') });
    const { bytes, start, end } = found.wire(1);
    expect(bytes.subarray(start + 1, end)).toEqual(Buffer.from([6, 0, 1, 0x74, 0, 9, 0x78]));
  });

  it('that waits keeps nothing of the chunk that it came in', () => {
    const found = decode(
      generate({ cmd: 'publish', topic: 't', payload: 'x', qos: 0, dup: false, retain: false }),
      9_000,
    );
    expect(found.own().wire(0).bytes.buffer.byteLength).toBe(6);
  });

  it('of which the topic is not UTF-8 is not taken for another topic', () => {
    expect(decode(Buffer.from([0x30, 4, 0, 2, 0xc0, 0x80])).topic).toContain('\uFFFD');
  });

  it.each([
    ['QoS 3 [MQTT-3.3.1-4]', [0x36, 6, 0, 1, 0x74, 0, 1, 0x78]],
    ['DUP with QoS 0 [MQTT-3.3.1-2]', [0x38, 4, 0, 1, 0x74, 0x78]],
    ['message id 0 [MQTT-2.3.1-1]', [0x32, 6, 0, 1, 0x74, 0, 0, 0x78]],
    ['a topic that is longer than the packet', [0x30, 4, 0, 3, 0x74, 0x78]],
    ['no room for its message id', [0x32, 4, 0, 1, 0x74, 0]],
  ])('with %s is refused', (_, bytes) => {
    expect(() => decode(Buffer.from(bytes))).toThrow(expect.objectContaining({ code: 'packet_malformed' }));
  });
});

describe('an acknowledgement', () => {
  it.each([
    ['PUBACK', 0x40],
    ['PUBREC', 0x50],
    ['PUBREL', 0x62],
    ['PUBCOMP', 0x70],
  ])('%s is taken with just the flags that it has to have, and a message id', (_, first) => {
    expect(decodeMessageId(Buffer.from([first, 2, 0x12, 0x34]), 0, 2)).toBe(0x1234);
    for (let flags = 0; flags < 16; flags++) {
      const other = (first & 0xf0) | flags;
      if (other === first) continue;
      expect(() => decodeMessageId(Buffer.from([other, 2, 0, 1]), 0, 2)).toThrow(
        expect.objectContaining({ code: 'packet_malformed' }),
      );
    }
    expect(() => decodeMessageId(Buffer.from([first, 2, 0, 0]), 0, 2)).toThrow(GatehouseError);
  });
});

it('noise is a message or is refused, and never read beyond its end', () => {
  const noise = fc.uint8Array({ minLength: 3, maxLength: 127 });
  fc.assert(
    fc.property(noise, fc.nat(15), (body, flags) => {
      const packet = Buffer.from([0x30 | flags, body.length, ...body]);
      try {
        const found = decode(packet);
        const topicBytes = (body[0] ?? 0) * 256 + (body[1] ?? 0);
        expect(2 + topicBytes + (found.qos > 0 ? 2 : 0) + found.payloadBytes).toBe(body.length);
      } catch (error) {
        expect(error).toMatchObject({ code: 'packet_malformed' });
      }
    }),
    { numRuns: 2_000 },
  );
});
