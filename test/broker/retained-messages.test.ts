/** Retained messages: which of them a filter finds, and how many a device may leave. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AedesPublishPacket } from 'aedes';
import fc from 'fast-check';
import { RetainedMessages } from '../../broker/persistence/retained-messages.ts';
import { TopicTree } from '../../broker/persistence/topic-tree.ts';
import type { TopicName } from '../../core/ids.ts';
import { matches } from '../../core/policy/topic.ts';
import { filters, topics } from '../policy/reference.ts';

const noLog = { keep: () => {}, remove: () => {} };

describe('the tree of topics', () => {
  it('finds just what MQTT says a filter matches, whatever was set and deleted before', () => {
    const change = fc.record({ topic: topics, kept: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), filters, (changes, wanted) => {
        const tree = new TopicTree<string>();
        const model = new Set<TopicName>();
        for (const { topic: name, kept } of changes) {
          if (kept) tree.set(name, name);
          else tree.delete(name);
          if (kept) model.add(name);
          else model.delete(name);
          expect(tree.get(name)).toBe(kept ? name : undefined);
        }
        const found = [...tree.matching(wanted)].filter((name) => name !== undefined);
        const expected = [...model].filter((name) => matches(wanted, name));
        expect(found.sort()).toEqual(expected.sort());
      }),
      { numRuns: 500 },
    );
  });

  it('goes only where the filter can match, and keeps no branch that leads nowhere', () => {
    const tree = new TopicTree<number>();
    for (let index = 0; index < 5_000; index++) tree.set(`devices/dev-${index}/status`, index);
    expect([...tree.matching('devices/dev-7/#')].length).toBeLessThan(6);
    for (let index = 0; index < 5_000; index++) tree.delete(`devices/dev-${index}/status`);
    expect([...tree.matching('#')]).toEqual([undefined]);
  });
});

describe('the retained messages of a device', () => {
  let retained: RetainedMessages;
  beforeEach(() => {
    retained = new RetainedMessages({ retainedMessages: 3, retainedBytes: 1_000 }, noLog);
  });

  function packet(name: string, payload: string | Buffer = 'x'): AedesPublishPacket {
    return {
      ...{ cmd: 'publish', topic: name, payload: Buffer.from(payload), qos: 0, dup: false, retain: true },
      ...{ brokerId: 'broker', brokerCounter: 1 },
    } as const;
  }

  async function found(...filters: string[]): Promise<string[]> {
    const topics: string[] = [];
    for await (const { topic: name } of retained.find(...filters)) topics.push(name);
    return topics.sort();
  }

  it('are bounded in number, and an empty message frees a place', async () => {
    for (const name of ['1', '2', '3']) retained.store('dev1', packet(name));
    expect(() => retained.store('dev1', packet('4'))).toThrow(
      expect.objectContaining({ code: 'retained_limit' }),
    );
    expect(retained.hasRoom('dev1', packet('4'))).toBe(false);
    expect(retained.hasRoom('dev10', packet('4'))).toBe(true);
    retained.store('dev1', packet('3', 'replaced'));
    retained.store('dev1', packet('2', ''));
    retained.store('dev1', packet('4'));
    expect(await found('#')).toEqual(['1', '3', '4']);
  });

  it('are bounded in bytes, the topic with its levels among them', () => {
    expect(retained.hasRoom('dev1', packet('t', Buffer.alloc(1_000)))).toBe(false);
    expect(retained.hasRoom('dev1', packet('a/'.repeat(60)))).toBe(false);
    for (let round = 0; round < 5; round++) retained.store('dev1', packet('t', Buffer.alloc(800)));
    expect(retained.hasRoom('dev1', packet('u'))).toBe(false);
    retained.store('dev1', packet('t', ''));
    expect(retained.hasRoom('dev1', packet('u'))).toBe(true);
  });

  it('are on the account of whoever left the last one of a topic', () => {
    for (const name of ['1', '2', '3']) retained.store('dev1', packet(name));
    retained.store('dev2', packet('1'));
    retained.store('dev1', packet('4'));
    expect(retained.hasRoom('dev1', packet('5'))).toBe(false);
  });

  it('go together, and none of a device whose ID begins alike', async () => {
    retained.store('dev1', packet('1'));
    retained.store('dev10', packet('2'));
    retained.removeAllOf('dev1');
    expect(await found('#', '2')).toEqual(['2', '2']);
  });

  it('keep no more memory than their bytes', async () => {
    const record = Buffer.alloc(16_384);
    retained.store('dev1', { ...packet('t'), payload: record.subarray(0, 10) });
    for await (const { payload } of retained.find('t')) {
      expect(Buffer.isBuffer(payload) && payload.buffer.byteLength).toBe(10);
    }
  });

  it('let others have their turn while many are looked through', async () => {
    const many = new RetainedMessages({ retainedMessages: 10_000, retainedBytes: 1e9 }, noLog);
    for (let index = 0; index < 5_000; index++) many.store('dev1', packet(`t/${index}/x`));
    let turns = 0;
    let isOver = false;
    const takeTurns = (): void => {
      turns++;
      if (!isOver) setImmediate(takeTurns);
    };
    setImmediate(takeTurns);
    const lookups = Array.from({ length: 10 }, () => 't/+/nothing');
    for await (const _ of many.find(...lookups)) throw new Error('found something');
    isOver = true;
    expect(turns).toBeGreaterThan(5);
  });
});
