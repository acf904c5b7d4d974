/** What a durable session is sent: in order, within a window, and as long as it has a right to it. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type IPublishPacket, type Packet, parser } from 'mqtt-packet';
import { DurableOutbox } from '../../broker/delivery/durable-outbox.ts';
import { Intake } from '../../broker/delivery/intake.ts';
import type { Judge, SendWindow } from '../../broker/delivery/outbox.ts';
import { Publication } from '../../broker/delivery/publication.ts';
import { Output } from '../../broker/front/output.ts';
import { defaultLimits } from '../../broker/limits.ts';
import type { SessionDatabase } from '../../broker/persistence/session-database.ts';
import type { SessionRecord } from '../../broker/persistence/session-record.ts';
import { Line, openSessions, takePage } from '../broker/samples.ts';
import { eventually } from '../support/eventually.ts';

let database: SessionDatabase;
let intake: Intake;
let session: SessionRecord;
let line: Line;
let output: Output;
let outbox: DurableOutbox;
let verdict: Judge;
beforeEach(async () => {
  database = openSessions({
    durability: 'fsync',
    limits: { ...defaultLimits, queueMessages: 200_000, queueBytes: 1e9 },
  });
  intake = new Intake(database);
  session = database.sessions.open('reader');
  await database.sessions.subscribe(session, [{ topic: '#', qos: 2 }]);
  verdict = () => 'deliver';
  connect();
});

/** Another connection takes the place of the last. */
function connect(window: { readonly sentMessages?: number; readonly sentBytes?: number } = {}): void {
  outbox?.close();
  line = new Line();
  outbox = outboxTo(line, { sentMessages: 4, sentBytes: 1e6, ...window });
}

function outboxTo(socket: Line, window: SendWindow, highWater = 1e6): DurableOutbox {
  output = new Output({ socket, drainTime: 60_000, onStalled: () => {}, highWater });
  const judge: Judge = (topic, approval) => verdict(topic, approval);
  return new DurableOutbox({ session, database, intake, output, window, judge, onOverflow: () => {} });
}

async function publish(payload: string | Buffer, qos: 1 | 2 = 1, topic = 't'): Promise<void> {
  const message = Publication.of({ topic, payload: Buffer.from(payload), qos });
  await intake.take(message, [{ session, qos }], 'writer');
}

function sent(): Packet[] {
  output.flush();
  const packets: Packet[] = [];
  const reading = parser({ protocolVersion: 4 });
  reading.on('packet', (packet) => packets.push(packet));
  reading.parse(line.sent);
  return packets;
}

function payloads(): string[] {
  return sent().map((packet) => (packet.cmd === 'publish' ? String(packet.payload) : packet.cmd));
}

function idOf(payload: string): number {
  const found = sent().find((packet) => packet.cmd === 'publish' && String(packet.payload) === payload);
  return found?.messageId ?? 0;
}

async function settled(): Promise<void> {
  for (let round = 0; round < 3; round++) await database.flush();
}

describe('a session that keeps up', () => {
  it('is sent each message once it is durable, with its QoS and a message id of its own', async () => {
    outbox.start();
    await settled();
    await publish('1', 1);
    await publish('2', 2);
    const packets = sent() as IPublishPacket[];
    expect(packets).toMatchObject([
      { topic: 't', qos: 1, dup: false, retain: false },
      { topic: 't', qos: 2, dup: false, retain: false },
    ]);
    expect(packets[0]?.messageId).not.toBe(packets[1]?.messageId);
  });

  it('is sent nothing that is not in the store, and nothing of QoS 2 that is not durable', async () => {
    outbox.start();
    await settled();
    const taken = Promise.all([publish('1', 1), publish('2', 2)]);
    expect(line.sent).toHaveLength(0);
    // Resolves with the same commit, and not with the disk.
    await takePage(database, session, 1_000, { messages: 1, bytes: 1 });
    expect(payloads()).toEqual(['1']);
    await taken;
    expect(payloads()).toEqual(['1', '2']);
  });
});

describe('a session that comes back', () => {
  it('gets what waited before anything newer, however they meet', async () => {
    for (const payload of ['1', '2', '3', '4', '5', '6']) await publish(payload);
    outbox.start();
    const newer = publish('7');
    await settled();
    await newer;
    for (let next = 1; next <= 7; next++) {
      await eventually(() => idOf(`${next}`) !== 0);
      outbox.acknowledge(idOf(`${next}`));
    }
    expect(payloads()).toEqual(['1', '2', '3', '4', '5', '6', '7']);
    await settled();
    expect(session.messages).toBe(0);
  });

  it('gets what it has not acknowledged again, under the same ids and marked as such', async () => {
    outbox.start();
    await settled();
    for (const payload of ['1', '2', '3']) await publish(payload, 2);
    const ids = ['1', '2', '3'].map(idOf);
    outbox.acknowledge(ids[0] ?? 0);
    await outbox.release(ids[1] ?? 0);
    connect();
    await publish('4', 2);
    outbox.start();
    await eventually(() => sent().length === 3);
    expect(sent()).toMatchObject([
      { cmd: 'pubrel', messageId: ids[1] },
      { cmd: 'publish', messageId: ids[2], dup: true, payload: Buffer.from('3') },
      { cmd: 'publish', dup: false, payload: Buffer.from('4') },
    ]);
  });
});

describe('the window', () => {
  it('bounds the messages that are under way, and moves with each half that is acknowledged', async () => {
    for (let index = 1; index <= 10; index++) await publish(`${index}`);
    outbox.start();
    await settled();
    expect(payloads()).toHaveLength(4);
    outbox.acknowledge(idOf('1'));
    await settled();
    expect(payloads()).toHaveLength(4);
    outbox.acknowledge(idOf('2'));
    await settled();
    expect(payloads()).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  it('bounds their bytes, and lets a message that is larger than it pass alone', async () => {
    connect({ sentMessages: 100, sentBytes: 1_000 });
    for (const payload of ['a', 'b', 'c']) await publish(Buffer.alloc(2_000, payload));
    outbox.start();
    await settled();
    expect(payloads()).toHaveLength(1);
    outbox.acknowledge(sent()[0]?.messageId ?? 0);
    await settled();
    expect(payloads().map((text) => text[0])).toEqual(['a', 'b']);
  });

  it('bounds the bytes of a session that keeps up, too', async () => {
    connect({ sentMessages: 100, sentBytes: 1_000 });
    outbox.start();
    await settled();
    for (const payload of ['a', 'b']) await publish(Buffer.alloc(2_000, payload));
    await settled();
    expect(payloads()).toHaveLength(1);
    outbox.acknowledge(sent()[0]?.messageId ?? 0);
    await settled();
    expect(payloads()).toHaveLength(2);
  });

  it('never gives two messages that are under way the same id', async () => {
    connect({ sentMessages: 1_000 });
    outbox.start();
    await settled();
    await publish('stuck');
    const stuck = idOf('stuck');
    session.nextSeq += 65_534; // as many have come and gone
    await publish('next');
    await settled();
    expect(payloads()).toEqual(['stuck']);
    outbox.acknowledge(stuck);
    await settled();
    expect(payloads()).toEqual(['stuck', 'next']);
  });
});

describe('a connection that does not take more', () => {
  it('is sent nothing until it does, and then all in order', async () => {
    let release = () => {};
    const slow = new Line();
    slow._write = (chunk, _encoding, callback) => {
      slow.sent = Buffer.concat([slow.sent, chunk]);
      release = callback;
    };
    outbox.close();
    line = slow;
    outbox = outboxTo(slow, { sentMessages: 100, sentBytes: 1e6 }, 1);
    outbox.start();
    await settled();
    for (const payload of ['1', '2', '3']) await publish(payload);
    expect(payloads()).toEqual(['1']);
    await eventually(() => {
      release();
      return sent().length === 3;
    });
    expect(payloads()).toEqual(['1', '2', '3']);
  });
});

describe('the policy of the moment', () => {
  it('takes what it denies off the queue, and nothing else', async () => {
    verdict = (topic) => (topic === 'secret' ? 'drop' : 'deliver');
    outbox.start();
    await settled();
    await publish('1');
    await publish('2', 1, 'secret');
    await publish('3');
    await settled();
    expect(payloads()).toEqual(['1', '3']);
    expect(session.messages).toBe(2);
  });

  it('is remembered for the topic that it was asked about, and for no other', async () => {
    const grants = {};
    verdict = (topic, approval) => {
      if (approval?.allowedBy != null) return 'deliver'; // as whoever remembers does not ask again
      if (topic === 'secret') return 'drop';
      if (approval !== undefined) Object.assign(approval, { allowedBy: grants });
      return 'deliver';
    };
    for (const [payload, topic] of [
      ['1', 't'],
      ['2', 'secret'],
      ['3', 't'],
    ] as const) {
      await publish(payload, 1, topic);
    }
    outbox.start();
    await settled();
    expect(payloads()).toEqual(['1', '3']);
  });

  it('lets its receiver forget a message of QoS 2 that was sent, and is denied when it would be sent again', async () => {
    for (const payload of ['1', '2', '3']) await publish(payload, payload === '3' ? 1 : 2);
    connect({ sentMessages: 2 });
    outbox.start();
    await settled();
    expect(payloads()).toEqual(['1', '2']);
    const [first, second] = [idOf('1'), idOf('2')];
    verdict = (topic) => (topic === 't' ? 'drop' : 'deliver');
    connect();
    outbox.start();
    await settled();
    // And of what it was never sent it is told nothing.
    expect(sent()).toMatchObject([
      { cmd: 'pubrel', messageId: first },
      { cmd: 'pubrel', messageId: second },
    ]);
    outbox.acknowledge(first);
    outbox.acknowledge(second);
    await settled();
    expect(session.messages).toBe(0);
  });

  it('leaves everything in the queue of a session that has been cut off', async () => {
    verdict = () => 'stop';
    outbox.start();
    await settled();
    await publish('1');
    await publish('2');
    await settled();
    expect([payloads(), session.messages]).toEqual([[], 2]);
    verdict = () => 'deliver';
    connect();
    outbox.start();
    await eventually(() => sent().length === 2);
    expect(payloads()).toEqual(['1', '2']);
  });
});

describe('what is retained', () => {
  const retained = { topic: 't', payload: Buffer.alloc(600), qos: 1 } as const;

  it('waits while much of it is on its way to the disk, which may be slow', async () => {
    connect({ sentBytes: 1_000 });
    expect(outbox.deliverRetained(retained, 1)).toBeNull();
    const isTaken = outbox.deliverRetained(retained, 1);
    expect(isTaken).not.toBeNull();
    expect(session.messages).toBe(0);
    await isTaken;
    expect(session.messages).toBe(2);
  });

  it('does not wait for a connection that is over', async () => {
    connect({ sentBytes: 1_000 });
    const end = database.sessions.discard(session).then(() => 'stored');
    expect(outbox.deliverRetained(retained, 1)).toBeNull();
    const isTaken = outbox.deliverRetained(retained, 1)?.then(() => 'closed');
    outbox.close();
    expect(await Promise.race([isTaken, end])).toBe('closed');
  });
});
