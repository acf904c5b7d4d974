/** Where a device's packets part: messages one way, the rest to Aedes, all in the order in which they were sent. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { Budget } from '../../broker/front/budget.ts';
import { DeviceStream } from '../../broker/front/device-stream.ts';
import { PacketGate } from '../../broker/front/packet-gate.ts';
import { Line } from './samples.ts';

const limits = { messagesPerSecond: 1e9, bytesPerSecond: 1e12, maxPayload: 100_000 };
let line: Line;
let stream: DeviceStream;
/** What has come out of it, on either way. */
let seen: string[];
let violations: unknown[];
let isTaken: boolean;
beforeEach(() => open());

function open(): void {
  line = new Line();
  const mine: string[] = [];
  seen = mine;
  violations = [];
  isTaken = true;
  stream = new DeviceStream({
    socket: line,
    gate: new PacketGate({ budget: new Budget(), limits: () => limits }),
    onViolation: (error) => violations.push(error),
    onThrottle: () => {},
    throttleTime: 1_000,
    drainTime: 1_000,
    farewellTime: 1_000,
  });
  stream.on('data', (bytes: Buffer) => {
    mine.push(bytes.length > 3 ? nameOf(bytes) : bytes.toString('hex'));
  });
  stream.open((bytes, start, body, end) => {
    mine.push(bytes.toString('latin1', body + 3, end));
    return isTaken;
  });
}

function nameOf(bytes: Buffer): string {
  return bytes[0] === 0x82 ? 'SUBSCRIBE' : 'UNSUBSCRIBE';
}

function publish(payload: string): Buffer {
  return generate({ cmd: 'publish', topic: 't', payload, qos: 0, dup: false, retain: false });
}

const subscribe: Packet = { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] };
const unsubscribe: Packet = { cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['a'] };
const PINGREQ = 'c000';

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

describe('packets', () => {
  it('come in order, however they are cut', async () => {
    const payloads = ['1', '2'.repeat(300), '3', '4'.repeat(20_000), '5'];
    const bytes = Buffer.concat(payloads.map(publish));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 12 }),
        async (cuts) => {
          open();
          let from = 0;
          for (const cut of [...new Set(cuts.sort((one, other) => one - other)), bytes.length]) {
            line.push(bytes.subarray(from, cut));
            from = cut;
            if (cut % 3 === 0) await turn();
          }
          await turn();
          expect(seen).toEqual([...payloads]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    ['SUBSCRIBE', subscribe, generate({ cmd: 'suback', messageId: 1, granted: [0] })],
    ['UNSUBSCRIBE', unsubscribe, Buffer.from([0xb0, 2, 0, 1])],
  ])('behind %s wait for its answer', async (name, packet, answer) => {
    line.push(
      Buffer.concat([publish('before'), generate(packet), publish('behind'), generate({ cmd: 'pingreq' })]),
    );
    await turn();
    expect(seen).toEqual(['before', name]);
    stream.write(Buffer.from([0xd0, 0])); // PINGRESP is none
    await turn();
    expect(seen).toHaveLength(2);
    stream.write(answer);
    await turn();
    expect(seen).toEqual(['before', name, 'behind', PINGREQ]);
    expect(line.sent).toEqual(Buffer.concat([Buffer.from([0xd0, 0]), answer]));
  });

  it('behind DISCONNECT are nothing any more', async () => {
    line.push(Buffer.concat([publish('before'), generate({ cmd: 'disconnect' }), publish('behind')]));
    line.push(publish('later'));
    await turn();
    expect(seen).toEqual(['before', 'e000']);
  });

  it('that may not be stop the stream', async () => {
    line.push(Buffer.concat([publish('before'), Buffer.from([0x40, 3, 0, 0, 0]), publish('behind')]));
    await turn();
    expect(seen).toEqual(['before']);
    expect(violations).toMatchObject([{ code: 'packet_malformed' }]);
  });
});

describe('a device that is held up', () => {
  it('is read no further until everybody lets it go on', async () => {
    isTaken = false;
    stream.hold();
    stream.hold();
    line.push(Buffer.concat([publish('1'), publish('2')]));
    await turn();
    expect(seen).toEqual([]);
    stream.release();
    await turn();
    expect(seen).toEqual([]);
    isTaken = true;
    stream.release();
    await turn();
    expect(seen).toEqual(['1', '2']);
  });

  it('does not count as silent', async () => {
    expect(stream.isSilent(1_000, performance.now() + 2_000)).toBe(true);
    stream.hold();
    line.push(publish('1'));
    await turn();
    expect(stream.isSilent(1_000, performance.now() + 2_000)).toBe(false);
    stream.release();
    expect(stream.isSilent(1_000, performance.now() + 999)).toBe(false);
    await turn();
    expect(seen).toEqual(['1']);
  });

  it('by what it does not read itself is read on when it does', async () => {
    let take = () => {};
    line._write = (_chunk, _encoding, callback) => {
      take = callback;
    };
    stream.output.append(Buffer.alloc(10), 0, 10);
    await turn();
    stream.output.append(Buffer.alloc(200_000), 0, 200_000);
    line.push(publish('1'));
    await turn();
    expect(seen).toEqual([]);
    take();
    await turn();
    expect(seen).toEqual(['1']);
  });
});

describe('what one device sends at once', () => {
  it('leaves others their turn', async () => {
    let turns = 0;
    line = new Line();
    const ticking = setInterval(() => turns++, 0);
    stream = new DeviceStream({
      socket: line,
      gate: new PacketGate({ budget: new Budget(), limits: () => limits }),
      ...{ onViolation: () => {}, onThrottle: () => {} },
      ...{ throttleTime: 1_000, drainTime: 1_000, farewellTime: 1_000 },
    });
    let count = 0;
    const done = new Promise<void>((resolve) =>
      stream.open(() => {
        for (const end = performance.now() + 1; performance.now() < end; ); // each is work
        if (++count === 100) resolve();
        return true;
      }),
    );
    line.push(Buffer.concat(Array.from({ length: 100 }, () => publish('x'))));
    await done;
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(5);
  });
});
