/** Which sessions a topic is for. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SessionRecord, type Subscriber } from '../../broker/persistence/session-record.ts';
import { SubscriptionIndex } from '../../broker/persistence/subscription-index.ts';
import type { TopicFilter } from '../../core/ids.ts';
import { matches } from '../../core/policy/topic.ts';
import { filters, topics } from '../policy/reference.ts';

const change = fc.record({
  who: fc.nat(2),
  filter: filters,
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  kept: fc.boolean(),
});

describe('the index of subscriptions', () => {
  it('finds just what MQTT says a topic is matched by, once each, with the highest QoS', () => {
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 30 }),
        fc.array(topics, { maxLength: 3 }),
        (changes, names) => {
          const sessions = [0, 1, 2].map((number) => new SessionRecord(number, `dev${number}`));
          const index = new SubscriptionIndex();
          const model = new Map<string, { session: SessionRecord; filter: TopicFilter; qos: number }>();
          const check = () => {
            for (const name of names) {
              const expected = new Map<Subscriber, number>();
              for (const { session, filter: wanted, qos } of model.values()) {
                if (!matches(wanted, name)) continue;
                expected.set(session, Math.max(expected.get(session) ?? 0, qos));
              }
              for (const { recipients } of [index.routeOf(name), index.find(name)]) {
                expect(new Map(recipients.map((one) => [one.subscriber, one.qos]))).toEqual(expected);
                expect(recipients).toHaveLength(expected.size);
              }
            }
          };
          for (const { who, filter: wanted, qos, kept } of changes) {
            const session = sessions[who];
            if (session === undefined) continue;
            const key = `${who} ${wanted}`;
            if (kept) index.add(session, { topic: wanted, qos });
            else index.remove(session, wanted);
            if (kept) model.set(key, { session, filter: wanted, qos });
            else model.delete(key);
            check();
          }
          const isReserved = [...model.values()].some(({ filter: wanted }) => wanted.startsWith('$'));
          expect(index.hasReserved).toBe(isReserved);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('forgets of what it has found only what a change is about', () => {
    const index = new SubscriptionIndex();
    const [one, other] = [new SessionRecord(1, 'dev1'), new SessionRecord(2, 'dev2')];
    index.add(one, { topic: 'a/#', qos: 1 });
    const [near, far] = [index.routeOf('a/x'), index.routeOf('b/x')];
    index.add(other, { topic: 'b/+', qos: 1 });
    expect(index.routeOf('a/x')).toBe(near);
    expect(index.routeOf('b/x')).not.toBe(far);
    index.remove(other, 'b/+');
    expect([index.routeOf('a/x'), index.routeOf('b/x').recipients]).toEqual([near, []]);
  });

  it('forgets everything where a change is about much', () => {
    const index = new SubscriptionIndex();
    const names = Array.from({ length: 1_000 }, (_, number) => `a/${number}`);
    for (const name of names) expect(index.routeOf(name).recipients).toEqual([]);
    index.add(new SessionRecord(1, 'dev1'), { topic: 'a/+', qos: 1 });
    for (const name of names) expect(index.routeOf(name).recipients).toHaveLength(1);
  });
});
