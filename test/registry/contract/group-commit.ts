/** Writes that come at once share a commit: each must still stand or fall alone. */
import { describe, expect, it } from '@jest/globals';
import { verifyChain } from '../../../core/journal/chain.ts';
import { change, device, deviceId } from '../samples.ts';
import type { World } from './world.ts';

export function describeGroupCommit(world: World): void {
  /** Adds device `d0`, `d1`, …; every third one fails after its change. */
  const attempt = (index: number) =>
    change(world.registry, async (transaction) => {
      await transaction.insertDevice(device(`d${index}`));
      if (index % 3 === 2) throw new Error(`no ${index}`);
      return index;
    });

  describe('writes at the same time', () => {
    it('fail one by one and take nobody with them', async () => {
      const { registry } = world;
      const outcomes = await Promise.allSettled(Array.from({ length: 300 }, (_, index) => attempt(index)));
      for (const [index, outcome] of outcomes.entries()) {
        const fails = index % 3 === 2;
        expect(outcome).toEqual(
          fails
            ? { status: 'rejected', reason: new Error(`no ${index}`) }
            : { status: 'fulfilled', value: index },
        );
        expect((await registry.device(deviceId(`d${index}`))) === undefined).toBe(fails);
      }
    });

    it('leave a journal without gaps where some fail', async () => {
      const { registry } = world;
      const before = await registry.journalHead();
      await Promise.allSettled(Array.from({ length: 30 }, (_, index) => attempt(index)));
      expect(verifyChain(await registry.journal(0, 1000)).seq).toBe(before + 20);
    });

    it('see one after another what those before them changed', async () => {
      const counts = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          change(world.registry, async (transaction) => {
            await transaction.insertDevice(device(`d${index}`));
            return (await transaction.devices({ limit: 100 })).length;
          }),
        ),
      );
      expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });

    it('may ask for more writes when they are done', async () => {
      const { registry } = world;
      await change(registry, (transaction) => transaction.insertDevice(device('first'))).then(() =>
        change(registry, (transaction) => transaction.insertDevice(device('second'))),
      );
      expect(await registry.devices({ limit: 9 })).toHaveLength(2);
    });
  });
}
