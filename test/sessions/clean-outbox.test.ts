/** What a clean session is sent: in order, within a window, and never more in memory than it may. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type IPublishPacket, type Packet, parser } from 'mqtt-packet';
import { CleanOutbox } from '../../broker/delivery/clean-outbox.ts';
import type { Sender, Verdict } from '../../broker/delivery/outbox.ts';
import { Publication, type QoS } from '../../broker/delivery/publication.ts';
import { Output } from '../../broker/front/output.ts';
import { Line } from '../broker/samples.ts';

const WINDOW = { sentMessages: 4, sentBytes: 100_000 };
const MOST = { messages: 10_000, bytes: 4_000_000 };
const DRAIN_TIME = 5_000;

let line: Line;
let output: Output;
let outbox: CleanOutbox;
let verdict: Verdict;
let owner: TestSender;
const onOverflow = jest.fn();
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  onOverflow.mockClear();
  verdict = 'deliver';
  owner = new TestSender();
  line = new Line();
  output = new Output({ socket: line, drainTime: DRAIN_TIME, onStalled: () => {} });
  outbox = outboxOf(owner, output);
});
afterEach(() => {
  outbox.close();
  jest.useRealTimers();
});

class TestSender implements Sender {
  holds = 0;

  hold(): void {
    this.holds++;
  }

  release(): void {
    this.holds--;
  }
}

/** Of another session, unless an output is given. */
function outboxOf(
  sender: Sender,
  to = new Output({ socket: new Line(), drainTime: DRAIN_TIME, onStalled: () => {} }),
): CleanOutbox {
  const judge = () => verdict;
  const bounds = { window: WINDOW, most: MOST, drainTime: DRAIN_TIME };
  return new CleanOutbox({ output: to, judge, owner: sender, onOverflow, ...bounds });
}

function publish(payload: string | Buffer, qos: QoS = 1): void {
  outbox.deliver(Publication.of({ topic: 't', payload: Buffer.from(payload), qos }), qos);
}

function sent(): IPublishPacket[] {
  output.flush();
  const packets: Packet[] = [];
  const reading = parser({ protocolVersion: 4 });
  reading.on('packet', (packet) => packets.push(packet));
  reading.parse(line.sent);
  return packets as IPublishPacket[];
}

async function payloads(): Promise<string[]> {
  await new Promise((resolve) => setImmediate(resolve));
  return sent().map(({ payload }) => String(payload));
}

async function idOf(payload: string): Promise<number> {
  await payloads();
  return sent().findLast((packet) => String(packet.payload) === payload)?.messageId ?? 0;
}

describe('messages of QoS 1 and 2', () => {
  it('go out as far as the window goes, and on as they are acknowledged, in order', async () => {
    for (let index = 1; index <= 10; index++) publish(`${index}`, index % 2 === 0 ? 2 : 1);
    expect(await payloads()).toEqual(['1', '2', '3', '4']);
    expect(sent()).toMatchObject([{ qos: 1 }, { qos: 2 }, { qos: 1 }, { qos: 2 }]);
    outbox.acknowledge(await idOf('2'));
    outbox.acknowledge(await idOf('1'));
    outbox.acknowledge(await idOf('1')); // once more: for nothing
    expect(await payloads()).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  it('keep their place in the window between PUBREC and PUBCOMP', async () => {
    for (let index = 1; index <= 5; index++) publish(`${index}`, 2);
    expect(outbox.release(await idOf('1'))).toBeNull();
    expect(await payloads()).toHaveLength(4);
    outbox.acknowledge(await idOf('1'));
    expect(await payloads()).toHaveLength(5);
  });

  it('are bounded by their bytes too, and a large one goes alone', async () => {
    for (const payload of ['a', 'b', 'c']) publish(Buffer.alloc(150_000, payload));
    expect((await payloads()).map(([first]) => first)).toEqual(['a']);
    outbox.acknowledge(sent()[0]?.messageId ?? 0);
    expect((await payloads()).map(([first]) => first)).toEqual(['a', 'b']);
  });

  it('never have the id of another that is under way, though all ids come round', async () => {
    publish('stuck');
    const stuck = await idOf('stuck');
    const ids = new Set<number>();
    for (let round = 0; round < 65_600; round++) {
      line.sent = Buffer.alloc(0);
      publish('x');
      await Promise.resolve();
      output.flush();
      if (line.sent.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const id = line.sent.readUInt16BE(5);
      ids.add(id);
      outbox.acknowledge(id);
    }
    expect(ids.size).toBe(65_534);
    expect(ids.has(stuck)).toBe(false);
    expect(ids.has(0)).toBe(false);
  });
});

describe('messages of QoS 0', () => {
  it('pass those that wait', async () => {
    for (let index = 1; index <= 5; index++) publish(`${index}`);
    publish('now', 0);
    expect(await payloads()).toEqual(['1', '2', '3', '4', 'now']);
  });
});

describe('the policy of the moment', () => {
  it('judges what has waited when it is about to go', async () => {
    for (let index = 1; index <= 6; index++) publish(`${index}`);
    const ids = await Promise.all(['1', '2', '3', '4'].map(idOf));
    verdict = 'drop';
    outbox.acknowledge(ids[0] ?? 0);
    verdict = 'deliver';
    publish('7');
    outbox.acknowledge(ids[1] ?? 0);
    expect(await payloads()).toEqual(['1', '2', '3', '4', '7']);
  });
});

describe('a session that acknowledges nothing', () => {
  const sender = new TestSender();
  let origin: CleanOutbox;
  beforeEach(() => {
    sender.holds = 0;
    origin = outboxOf(sender);
    for (let count = 0; count < 1_100; count++) publish('x');
    outbox.holdUp(origin);
    outbox.holdUp(origin);
  });

  it('gets no more than the window, holds up who publishes to it for a while, and then loses the oldest', async () => {
    expect([await payloads().then(({ length }) => length), sender.holds]).toEqual([4, 1]);
    jest.advanceTimersByTime(DRAIN_TIME - 1);
    expect(sender.holds).toBe(1);
    jest.advanceTimersByTime(1);
    expect(sender.holds).toBe(0);
    for (let count = 0; count < 5_000; count++) publish(`later ${count}`);
    outbox.holdUp(origin);
    expect(sender.holds).toBe(0);
    expect(onOverflow.mock.calls.reduce((sum, [count]) => sum + Number(count), 0)).toBe(1_096 + 4_000);
    expect(await payloads()).toHaveLength(4);
    // What it gets when it does is the newest.
    for (let count = 0; count < 4; count++) outbox.acknowledge(count + 1);
    expect((await payloads()).slice(4)).toEqual(
      [4_000, 4_001, 4_002, 4_003].map((index) => `later ${index}`),
    );
  });

  it('lets them go on as soon as it acknowledges', async () => {
    await payloads();
    for (let id = 1; id <= 100; id++) outbox.acknowledge(id);
    expect(sender.holds).toBe(0);
    expect(onOverflow).not.toHaveBeenCalled();
  });

  it('does not hold up its own device, which could not acknowledge then', () => {
    outbox.holdUp(outbox);
    expect(owner.holds).toBe(0);
  });

  it('holds up nobody any more once it is gone', () => {
    outbox.close();
    expect(sender.holds).toBe(0);
    outbox.holdUp(origin);
    expect([sender.holds, outbox.delivery]).toEqual([0, null]);
  });

  it('is waited for as long as it gets through much, beyond the time for one', async () => {
    for (let count = 0; count < MOST.messages / 5; count++) {
      outbox.deliver(Publication.of({ topic: 't', payload: Buffer.from('x'), qos: 1 }), 1);
    }
    await payloads();
    jest.advanceTimersByTime(DRAIN_TIME - 1);
    for (let id = 1; id <= MOST.messages / 10; id++) outbox.acknowledge(id);
    jest.advanceTimersByTime(DRAIN_TIME - 1);
    expect(sender.holds).toBe(1);
    jest.advanceTimersByTime(1);
    expect(sender.holds).toBe(0);
  });

  it('is not waited for longer since it acknowledges one message now and then', async () => {
    await payloads();
    jest.advanceTimersByTime(DRAIN_TIME - 1);
    expect(sender.holds).toBe(1);
    outbox.acknowledge(1);
    jest.advanceTimersByTime(1);
    expect(sender.holds).toBe(0);
  });
});

describe('two sessions whose devices publish to each other', () => {
  const peer = new TestSender();
  let peers: CleanOutbox;
  beforeEach(() => {
    peer.holds = 0;
    peers = outboxOf(peer);
  });

  /** As the router does it. */
  function exchange(from: CleanOutbox, to: CleanOutbox, count: number): void {
    for (let index = 0; index < count; index++) {
      to.deliver(Publication.of({ topic: 't', payload: Buffer.from('x'), qos: 1 }), 1);
      to.holdUp(from);
    }
  }

  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('do not wait for acknowledgements that are behind what they publish', async () => {
    exchange(outbox, peers, 1_100);
    expect(owner.holds).toBe(1);
    exchange(peers, outbox, 1_100);
    await turn();
    expect([owner.holds, peer.holds]).toEqual([0, 0]);
  });

  it('wait all the same before anything is lost, and go on when there is room', async () => {
    exchange(peers, outbox, 1_100);
    exchange(outbox, peers, 5_100);
    await turn();
    expect([owner.holds, peer.holds]).toEqual([1, 0]);
    for (let acknowledged = 0; acknowledged < 2_700; acknowledged++) peers.acknowledge(acknowledged + 1);
    expect(owner.holds).toBe(0);
    expect(onOverflow).not.toHaveBeenCalled();
  });

  it('do not wait in a larger circle either', async () => {
    const third = new TestSender();
    const thirds = outboxOf(third);
    exchange(peers, thirds, 1_100);
    exchange(outbox, peers, 1_100);
    await turn();
    expect([owner.holds, peer.holds, third.holds]).toEqual([1, 0, 0]);
    exchange(thirds, outbox, 1_100);
    await turn();
    expect([owner.holds, peer.holds, third.holds]).toEqual([0, 0, 0]);
  });
});

describe('many large messages for it', () => {
  it('take no more memory than they may', () => {
    for (let count = 0; count < 100; count++) publish(Buffer.alloc(100_000));
    expect(onOverflow.mock.calls.length).toBeGreaterThan(50);
  });
});
