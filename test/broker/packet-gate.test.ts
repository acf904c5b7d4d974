/** The gate in the byte stream: packets by their headers, caps by their declared length, limits by waiting. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { Budget } from '../../broker/front/budget.ts';
import { PacketGate, type TakePacket } from '../../broker/front/packet-gate.ts';
import type { Limits } from '../../core/policy/policy.ts';

const generous: Limits = { messagesPerSecond: 1e6, bytesPerSecond: 1e9, maxPayload: 1_000 };

const takeAll = () => true;

function gateWith(limits: Partial<Limits> = {}, budget = new Budget()) {
  return new PacketGate({ budget, limits: () => ({ ...generous, ...limits }) });
}

function publish(bytes: number, qos: 0 | 1 = 0): Buffer {
  return generate({
    cmd: 'publish',
    topic: 't',
    payload: Buffer.alloc(bytes),
    qos,
    messageId: 1,
    dup: false,
    retain: false,
  });
}

function filters(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${'level/'.repeat(index % 60)}${index}`);
}

const small: Packet[] = [
  { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] },
  { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] },
  { cmd: 'pingreq' },
  { cmd: 'puback', messageId: 3 },
  { cmd: 'pubrel', messageId: 4 },
  { cmd: 'disconnect' },
];

describe('framing', () => {
  it('hands over each packet whole, however the stream is cut', () => {
    const packets = [publish(0), publish(200, 1), ...small.map((packet) => generate(packet)), publish(999)];
    const stream = Buffer.concat(packets);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: stream.length - 1 })), (cuts) => {
        const gate = gateWith();
        const taken: { bytes: Buffer; header: number }[] = [];
        const edges = [0, ...new Set(cuts.sort((a, b) => a - b)), stream.length];
        for (let index = 1; index < edges.length; index++) {
          const chunk = stream.subarray(edges[index - 1], edges[index]);
          const take: TakePacket = (bytes, start, body, end) => {
            taken.push({ bytes: bytes.subarray(start, end), header: body - start });
            return true;
          };
          expect(gate.pass(chunk, 0, take)).toEqual({ passed: chunk.length, wait: 0 });
        }
        expect(taken.map(({ bytes }) => bytes)).toEqual(packets);
        for (const { bytes, header } of taken) expect(header).toBe(bytes.length > 129 ? 3 : 2);
      }),
    );
  });

  it('hands over nothing behind a packet after which nothing is wanted', () => {
    const stream = Buffer.concat([publish(1), publish(2), publish(3)]);
    let count = 0;
    const passage = gateWith().pass(stream, 0, () => ++count < 2);
    expect(passage).toEqual({ passed: publish(1).length + publish(2).length, wait: 0 });
    expect(count).toBe(2);
  });

  it('takes memory for what has come of a packet, and not for what was declared', () => {
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 50; count++) {
      gateWith({ maxPayload: 100_000_000 }).pass(
        Buffer.from([0x30, 0x80, 0x80, 0x80, 0x20, 0, 1]),
        0,
        takeAll,
      );
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });

  it('never says anything but a refusal of its own to noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        try {
          gateWith().pass(Buffer.from(noise), 0, takeAll);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^packet_(malformed|too_large)$/) });
        }
      }),
    );
  });

  it.each([0, 1, 2, 9, 11, 13, 15])('refuses packet type %i, which no connected client sends', (type) => {
    expect(() => gateWith().pass(Buffer.from([type << 4, 0]), 0, takeAll)).toThrow(
      expect.objectContaining({ code: 'packet_malformed' }),
    );
  });

  it('refuses a remaining length of five bytes', () => {
    expect(() => gateWith().pass(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]), 0, takeAll)).toThrow(
      expect.objectContaining({ code: 'packet_malformed' }),
    );
  });
});

describe('lengths', () => {
  it.each([
    ['PUBACK', [0x40, 3]],
    ['PUBREC', [0x50, 0]],
    ['PUBREL', [0x62, 4]],
    ['PUBCOMP', [0x70, 1]],
    ['PINGREQ', [0xc0, 1]],
    ['DISCONNECT', [0xe0, 2]],
    ['SUBSCRIBE', [0x82, 5]],
    ['UNSUBSCRIBE', [0xa2, 4]],
    ['PUBLISH', [0x30, 2]],
  ])('of %s that cannot be are refused by the header', (_, header) => {
    expect(() => gateWith().pass(Buffer.from(header), 0, takeAll)).toThrow(
      expect.objectContaining({ code: 'packet_malformed' }),
    );
  });

  it.each([
    ['ends within a filter', [0x82, 6, 0, 1, 0, 9, 0x61, 0]],
    ['ends within a length', [0x82, 7, 0, 1, 0, 1, 0x61, 0, 0]],
    ['has message id 0', [0x82, 6, 0, 0, 0, 1, 0x61, 0]],
  ])('of a SUBSCRIBE that %s are refused', (_, bytes) => {
    expect(() => gateWith().pass(Buffer.from(bytes), 0, takeAll)).toThrow(
      expect.objectContaining({ code: 'packet_malformed' }),
    );
  });
});

describe('caps', () => {
  it.each([
    ['a PUBLISH beyond the payload of the policy', Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])],
    ['a SUBSCRIBE of 16 KiB and more', Buffer.from([0x82, 0x81, 0x80, 0x01])],
  ])('refuse %s by its header alone', (_, header) => {
    expect(() => gateWith().pass(header, 0, takeAll)).toThrow(
      expect.objectContaining({ code: 'packet_too_large' }),
    );
  });

  it('follow a policy that changes', () => {
    let maxPayload = 1_000;
    const gate = new PacketGate({ budget: new Budget(), limits: () => ({ ...generous, maxPayload }) });
    gate.pass(publish(1_900), 0, takeAll);
    maxPayload = 10;
    expect(() => gate.pass(publish(1_900), 0, takeAll)).toThrow(
      expect.objectContaining({ code: 'packet_too_large' }),
    );
  });
});

describe('limits', () => {
  it('let a second of messages pass at once, and then each in its time', () => {
    const gate = gateWith({ messagesPerSecond: 10 });
    const stream = Buffer.concat(Array.from({ length: 30 }, () => publish(5)));
    const size = publish(5).length;
    const first = gate.pass(stream, 0, takeAll);
    // The one that is paid for at this very moment passes too.
    expect(first).toEqual({ passed: 11 * size, wait: 100 });
    const rest = stream.subarray(first.passed);
    expect(gate.pass(rest, 50, takeAll)).toEqual({ passed: 0, wait: 50 });
    expect(gate.pass(rest, 100, takeAll)).toEqual({ passed: size, wait: 100 });
    expect(gate.pass(rest.subarray(size), 5_000, takeAll).passed).toBe(11 * size);
  });

  it.each([
    [
      'SUBSCRIBE',
      { cmd: 'subscribe', messageId: 1, subscriptions: filters(31).map((topic) => ({ topic, qos: 1 })) },
    ],
    ['UNSUBSCRIBE', { cmd: 'unsubscribe', messageId: 1, unsubscriptions: filters(31) }],
  ] as [string, Packet][])('count each filter of %s, however the packet is cut', (_, packet) => {
    const bytes = generate(packet);
    for (const cut of [1, 2, 3, 4, 5, 6, 7, 8, 40, bytes.length]) {
      const gate = gateWith({ messagesPerSecond: 10 });
      gate.pass(bytes.subarray(0, cut), 0, takeAll);
      gate.pass(bytes.subarray(cut), 0, takeAll);
      const { passed, wait } = gate.pass(publish(5), 0, takeAll);
      expect(passed).toBe(0);
      expect(wait).toBeCloseTo(2_100, 3);
    }
  });

  it('count bytes too, and let a large packet through whole', () => {
    const gate = gateWith({ bytesPerSecond: 1_000 });
    const large = publish(1_900);
    expect(gate.pass(large, 0, takeAll).passed).toBe(large.length);
    const { passed, wait } = gate.pass(publish(5), 0, takeAll);
    expect(passed).toBe(0);
    expect(wait).toBeCloseTo(large.length - 1_000, -2);
  });

  it('charge short packets more than their bytes', () => {
    const gate = gateWith({ bytesPerSecond: 640 });
    const pings = Buffer.concat(Array.from({ length: 50 }, () => generate({ cmd: 'pingreq' })));
    expect(gate.pass(pings, 0, takeAll).passed).toBe(11 * 2);
  });

  it('charge answers to what the broker sent no more than their bytes, and those to nothing like others', () => {
    const answers = Buffer.concat(
      Array.from({ length: 50 }, () => generate({ cmd: 'puback', messageId: 1 })),
    );
    expect(gateWith({ bytesPerSecond: 640 }).pass(answers, 0, takeAll).passed).toBe(answers.length);
    const gate = gateWith({ bytesPerSecond: 640 });
    const takeUnasked = () => {
      gate.chargeUnasked(0);
      return true;
    };
    expect(gate.pass(answers, 0, takeUnasked).passed).toBe(10 * 4);
  });

  it('are one budget for all sessions of a device', () => {
    const budget = new Budget();
    const [one, other] = [
      gateWith({ messagesPerSecond: 1 }, budget),
      gateWith({ messagesPerSecond: 1 }, budget),
    ];
    one.pass(publish(5), 0, takeAll);
    one.pass(publish(5), 0, takeAll);
    expect(other.pass(publish(5), 0, takeAll)).toMatchObject({ passed: 0 });
  });
});
