/** Watching for commits. Nothing here waits for a time: each test waits for the call that it is about. */
import { describe, expect, it, jest } from '@jest/globals';
import { change, device, someEvent } from '../samples.ts';
import { nextChange } from '../watching.ts';
import type { World } from './world.ts';

export function describeWatch(world: World): void {
  const commit = () => world.registry.write('system', (transaction) => transaction.append(someEvent()));

  describe('watching', () => {
    it('is spared where the version is the same, which it is until somebody commits', async () => {
      const view = await world.openView();
      const version = await view.version();
      await view.issuers();
      expect(await view.version()).toBe(version);
      await commit();
      expect(await view.version()).not.toBe(version);
    });

    it('hears of a commit of the same process by the time it resolves', async () => {
      const onChange = jest.fn();
      const stop = world.registry.watch(onChange);
      await commit();
      expect(onChange).toHaveBeenCalled();
      stop();
    });

    it('finds in the registry what it was called for', async () => {
      const { registry } = world;
      const view = await world.openView();
      const before = await view.journalHead();
      const seen = nextChange(view, async () => (await view.journalHead()) > before);
      await commit();
      await seen;
      expect(await registry.journalHead()).toBe(before + 1);
    });

    it('goes on for others when one stops', async () => {
      const { registry } = world;
      const stopped = jest.fn();
      const watching = jest.fn();
      const stop = registry.watch(stopped);
      registry.watch(watching);
      stop();
      await commit();
      expect(stopped).not.toHaveBeenCalled();
      expect(watching).toHaveBeenCalled();
    });

    it('survives a watcher that throws: the write, the other watchers, and itself', async () => {
      const { registry } = world;
      const error = new Error('of the watcher');
      const onError = jest.fn();
      const other = jest.fn();
      registry.watch(() => {
        throw error;
      }, onError);
      registry.watch(other);
      await change(registry, (transaction) => transaction.insertDevice(device('pump')));
      expect(onError).toHaveBeenCalledWith(error);
      expect(other).toHaveBeenCalled();
    });

    it('says nothing of writes that were rolled back', async () => {
      const { registry } = world;
      const onChange = jest.fn();
      registry.watch(onChange);
      await commit();
      onChange.mockClear();
      await expect(
        change(registry, async () => {
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
      expect(onChange).not.toHaveBeenCalled();
    });
  });
}
