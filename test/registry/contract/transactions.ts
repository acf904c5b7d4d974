/** Transactions: whole or not at all, one after another, and never without a word in the journal. */
import { describe, expect, it } from '@jest/globals';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import { change, device, deviceId, operator, someEvent } from '../samples.ts';
import type { World } from './world.ts';

export function describeTransactions(world: World): void {
  const pump = device('pump');

  describe('a transaction', () => {
    it('resolves with what its work returns, and is seen by every later look-up', async () => {
      const { registry } = world;
      const view = await world.openView();
      const answer = await change(registry, async (transaction) => {
        await transaction.insertDevice(pump);
        return 'done';
      });
      expect(answer).toBe('done');
      expect(await registry.device(pump.id)).toEqual(pump);
      expect(await view.device(pump.id)).toEqual(pump);
    });

    it('sees its own changes, which nobody else sees before it has ended', async () => {
      const { registry } = world;
      const view = await world.openView();
      await change(registry, async (transaction) => {
        await transaction.insertDevice(pump);
        expect(await transaction.device(pump.id)).toEqual(pump);
        expect(await registry.device(pump.id)).toBeUndefined();
        expect(await view.device(pump.id)).toBeUndefined();
      });
    });

    it('leaves nothing when its work rejects, and passes the reason on', async () => {
      const { registry } = world;
      const head = await registry.journalHead();
      const reason = new Error('thought better of it');
      await expect(
        change(registry, async (transaction) => {
          await transaction.insertDevice(pump);
          await transaction.append(someEvent());
          throw reason;
        }),
      ).rejects.toBe(reason);
      expect(await registry.device(pump.id)).toBeUndefined();
      expect(await registry.journalHead()).toBe(head);
    });

    it('passes on what its work throws before it returns a promise', async () => {
      const reason = new Error('at once');
      const work = (): Promise<void> => {
        throw reason;
      };
      await expect(world.registry.write('system', work)).rejects.toBe(reason);
    });

    it('is refused if it changes anything without a journal event', async () => {
      const { registry } = world;
      await expect(registry.write('system', (transaction) => transaction.insertDevice(pump))).rejects.toThrow(
        'journal',
      );
      expect(await registry.device(pump.id)).toBeUndefined();
    });

    it('may look things up without a journal event', async () => {
      const answer = await world.registry.write('system', (transaction) => transaction.device(pump.id));
      expect(answer).toBeUndefined();
    });

    it('fails as a whole when a change is refused, even if its work catches that', async () => {
      const { registry } = world;
      await expect(
        change(registry, async (transaction) => {
          await transaction.insertDevice(pump);
          await transaction.updateDevice(deviceId('none'), {}).catch(() => undefined);
        }),
      ).rejects.toMatchObject({ code: 'device_unknown' });
      expect(await registry.device(pump.id)).toBeUndefined();
    });

    it('cannot be used when it has ended', async () => {
      const { registry } = world;
      const kept: RegistryTransaction[] = [];
      await change(registry, async (transaction) => {
        kept.push(transaction);
      });
      for (const transaction of kept) {
        await expect(transaction.insertDevice(pump)).rejects.toThrow('ended');
        await expect(transaction.device(pump.id)).rejects.toThrow('ended');
        await expect(transaction.append(someEvent())).rejects.toThrow('ended');
      }
      expect(kept).toHaveLength(1);
      expect(await registry.device(pump.id)).toBeUndefined();
    });

    it('runs only when the one before it has ended', async () => {
      const steps: string[] = [];
      const work = (label: string) => async (transaction: RegistryTransaction) => {
        steps.push(`${label} begins`);
        await transaction.device(pump.id);
        await transaction.groups();
        steps.push(`${label} ends`);
      };
      await Promise.all(['a', 'b', 'c'].map((label) => world.registry.write('system', work(label))));
      expect(steps).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    });
  });

  describe('a pause in a transaction', () => {
    it('lets others look things up, who see nothing of it, and holds their writes back', async () => {
      const { registry } = world;
      const steps: string[] = [];
      const long = change(registry, async (transaction) => {
        await transaction.insertDevice(pump);
        for (const step of ['one', 'two', 'three']) {
          await transaction.pause();
          steps.push(step);
        }
      });
      const second = new Promise<void>((resolve, reject) => {
        setImmediate(() => {
          change(registry, async () => void steps.push('the next write')).then(resolve, reject);
        });
      });
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      expect(steps.length).toBeLessThan(3);
      expect(await registry.device(pump.id)).toBeUndefined();
      await Promise.all([long, second]);
      expect(steps).toEqual(['one', 'two', 'three', 'the next write']);
      expect(await registry.device(pump.id)).toEqual(pump);
    });

    it('is none where the transaction fails afterwards: nothing remains', async () => {
      const { registry } = world;
      const failing = change(registry, async (transaction) => {
        await transaction.insertDevice(pump);
        await transaction.pause();
        throw new Error('after the pause');
      });
      await expect(failing).rejects.toThrow('after the pause');
      expect(await registry.device(pump.id)).toBeUndefined();
    });
  });

  describe('closing', () => {
    it('waits for the writes that were asked for, and refuses any after', async () => {
      const { registry } = world;
      const view = await world.openView();
      const asked = change(registry, (transaction) => transaction.insertOperator(operator('admin')));
      const closed = registry.close();
      await expect(change(registry, async () => undefined)).rejects.toThrow('closed');
      await closed;
      await asked;
      expect(await view.operators()).toEqual([operator('admin')]);
      await expect(registry.device(pump.id)).rejects.toHaveProperty('message');
    });

    it('may be done twice', async () => {
      await world.registry.close();
      await world.registry.close();
    });
  });
}
