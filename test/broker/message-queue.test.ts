/** What waits for a durable session: in order, acknowledged by the right id, and bounded. */
import { describe, expect, it } from '@jest/globals';
import { MessageQueue } from '../../broker/persistence/message-queue.ts';

function queueOf(limits: { readonly queueMessages?: number; readonly queueBytes?: number } = {}) {
  return new MessageQueue({ queueMessages: 1_000, queueBytes: 1e6, ...limits });
}

function packet(counter: number, bytes = 1) {
  return { cmd: 'publish', topic: 't', payload: Buffer.alloc(bytes), brokerId: 'b', brokerCounter: counter };
}

function countersOf(queue: MessageQueue) {
  return [...queue.packets()].map(({ brokerCounter }) => brokerCounter);
}

describe('a queue', () => {
  it.each([
    ['messages', { queueMessages: 3 }, 1],
    ['bytes', { queueBytes: 3_900 }, 1_000],
  ])('that has as many %s as it may drops the oldest, and says so', (_, limits, bytes) => {
    const queue = queueOf(limits);
    const dropped = [1, 2, 3, 4, 5].map((counter) => queue.add(packet(counter, bytes)));
    expect(dropped).toEqual([0, 0, 0, 1, 1]);
    expect(countersOf(queue)).toEqual([3, 4, 5]);
  });

  it('gives room back for what is acknowledged or dropped', () => {
    const queue = queueOf({ queueMessages: 2 });
    for (let counter = 1; counter < 50; counter++) {
      expect(queue.add(packet(counter))).toBe(0);
      if (counter % 2 === 0) queue.drop(packet(counter));
      else {
        queue.update({ ...packet(counter), messageId: 7 });
        expect(queue.acknowledge(7)).toMatchObject({ brokerCounter: counter });
      }
    }
    expect(queue.isEmpty).toBe(true);
  });

  it('holds a PUBREL in the place of its message, and of no other, until PUBCOMP', () => {
    const queue = queueOf();
    for (const counter of [1, 2, 3]) {
      queue.add(packet(counter));
      queue.update({ ...packet(counter), messageId: counter + 10 });
    }
    expect(queue.update({ cmd: 'pubrel', messageId: 11 })).toBe(true);
    expect(queue.update({ cmd: 'pubrel', messageId: 12 })).toBe(true);
    expect([...queue.packets()].map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
      ['pubrel', 11],
      ['pubrel', 12],
      ['publish', 13],
    ]);
    expect(queue.acknowledge(12)).toMatchObject({ cmd: 'pubrel', messageId: 12 });
    expect(queue.acknowledge(12)).toBeUndefined();
    expect(queue.update({ cmd: 'pubrel', messageId: 99 })).toBe(false);
  });

  it('takes a new message id for the old one', () => {
    const queue = queueOf();
    queue.add(packet(1));
    queue.update({ ...packet(1), messageId: 5 });
    queue.update({ ...packet(1), messageId: 6 });
    expect(queue.acknowledge(5)).toBeUndefined();
    expect(queue.acknowledge(6)).toMatchObject({ brokerCounter: 1 });
  });
});
