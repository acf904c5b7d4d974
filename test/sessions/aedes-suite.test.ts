/** The suite that Aedes has for its stores, run against ours. It is written for node:test: jest plays its part. */
import assert from 'node:assert';
import { describe, expect, it } from '@jest/globals';
import abstractPersistence from 'aedes-persistence/abstract.js';
import { DurableStore } from '../../broker/persistence/durable-store.ts';
import { openSessions } from '../broker/samples.ts';

describe.each(['fsync', 'os'] as const)('a store with durability %s', (durability) => {
  abstractPersistence({
    testAsync: true,
    persistence: async () => new DurableStore(openSessions({ durability })),
    test: (name, run) =>
      it(name, async () => {
        let planned: number | undefined;
        let asserted = 0;
        const counting = new Proxy(assert, {
          get: (target, method, receiver) => {
            asserted++;
            return Reflect.get(target, method, receiver);
          },
        });
        await run({ assert: counting, plan: (count) => (planned = count), diagnostic: () => {} });
        expect(asserted).toBe(planned ?? asserted);
      }),
  });
});
