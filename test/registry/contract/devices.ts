/** Devices: kept, changed, and listed in pages. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { DeviceQuery } from '../../../registry/port/queries.ts';
import { change, device, deviceId, NOW, name } from '../samples.ts';
import type { World } from './world.ts';

export function describeDevices(world: World): void {
  describe('a device', () => {
    /** Names that objects have already, characters that UTF-8 and C strings do not. */
    const attributes = JSON.parse(
      '{"site":"Zürich","__proto__":"p","constructor":"c","q\\"":"\\u0000 \\ud800"}',
    );

    it('is kept with attributes of any text', async () => {
      const { registry } = world;
      const pump = device('pump-1', { attributes });
      await change(registry, (transaction) => transaction.insertDevice(pump));
      const stored = await registry.device(pump.id);
      expect(stored).toEqual(pump);
      expect(Object.entries(stored?.attributes ?? {})).toEqual(Object.entries(attributes));
      expect(await registry.device(deviceId('pump-2'))).toBeUndefined();
    });

    it('is refused under an ID that is taken', async () => {
      const { registry } = world;
      const pump = device('pump-1');
      await change(registry, (transaction) => transaction.insertDevice(pump));
      const other = { ...pump, attributes: { other: 'yes' } };
      await expect(change(registry, (transaction) => transaction.insertDevice(other))).rejects.toHaveProperty(
        'message',
      );
      expect(await registry.device(pump.id)).toEqual(pump);
    });

    it('is refused in a group that does not exist', async () => {
      const stray = device('stray', { group: name('none') });
      await expect(
        change(world.registry, (transaction) => transaction.insertDevice(stray)),
      ).rejects.toHaveProperty('message');
      expect(await world.registry.device(stray.id)).toBeUndefined();
    });

    it('changes in what the update names, at the time of the transaction', async () => {
      const { registry } = world;
      const pump = device('pump-1', { attributes: { site: 'north' } });
      await change(registry, (transaction) => transaction.insertDevice(pump));
      world.now = NOW + 5;
      await change(registry, (transaction) => transaction.updateDevice(pump.id, { status: 'suspended' }));
      expect(await registry.device(pump.id)).toEqual({ ...pump, status: 'suspended', changedAt: NOW + 5 });
      await change(registry, (transaction) => transaction.updateDevice(pump.id, { attributes: {} }));
      expect(await registry.device(pump.id)).toMatchObject({ status: 'suspended', attributes: {} });
    });

    it('stays revoked once it is revoked', async () => {
      const { registry } = world;
      const pump = device('pump-1', { status: 'revoked' });
      await change(registry, (transaction) => transaction.insertDevice(pump));
      for (const status of ['active', 'suspended'] as const) {
        await expect(
          change(registry, (transaction) => transaction.updateDevice(pump.id, { status })),
        ).rejects.toHaveProperty('message');
      }
      expect(await registry.device(pump.id)).toEqual(pump);
    });

    it('is active again once it is reinstated, which is for revoked ones alone', async () => {
      const { registry } = world;
      const pump = device('pump-1', { status: 'revoked' });
      await change(registry, (transaction) => transaction.insertDevice(pump));
      world.now = NOW + 5;
      await change(registry, (transaction) => transaction.reinstateDevice(pump.id));
      expect(await registry.device(pump.id)).toEqual({ ...pump, status: 'active', changedAt: NOW + 5 });
      for (const id of [pump.id, deviceId('none')]) {
        await expect(
          change(registry, (transaction) => transaction.reinstateDevice(id)),
        ).rejects.toMatchObject({ code: 'device_unknown' });
      }
    });

    it('may change in everything but its status while it is revoked', async () => {
      const { registry } = world;
      const pump = device('pump-1', { status: 'revoked' });
      await change(registry, (transaction) => transaction.insertDevice(pump));
      await change(registry, (transaction) => transaction.updateDevice(pump.id, { attributes: { a: 'b' } }));
      expect(await registry.device(pump.id)).toMatchObject({ status: 'revoked', attributes: { a: 'b' } });
    });

    it('cannot be changed where there is none', async () => {
      await expect(
        change(world.registry, (transaction) => transaction.updateDevice(deviceId('none'), {})),
      ).rejects.toMatchObject({ code: 'device_unknown' });
    });
  });

  describe('listing devices', () => {
    const ids = async (query: DeviceQuery) => (await world.registry.devices(query)).map(({ id }) => id);

    beforeEach(() =>
      change(world.registry, async (transaction) => {
        await transaction.putGroup({
          name: name('lab'),
          description: '',
          profile: name('device'),
          policy: name('device'),
          renewalGrace: 0,
          approval: 'none',
        });
        await transaction.insertDevice(device('b', { status: 'revoked' }));
        await transaction.insertDevice(device('a'));
        await transaction.insertDevice(device('d', { group: name('lab') }));
        await transaction.insertDevice(device('c', { group: name('lab'), status: 'revoked' }));
      }),
    );

    it('goes in the order of their IDs, page by page', async () => {
      expect(await ids({ limit: 3 })).toEqual(['a', 'b', 'c']);
      expect(await ids({ limit: 3, after: deviceId('c') })).toEqual(['d']);
      expect(await ids({ limit: 3, after: deviceId('d') })).toEqual([]);
    });

    it('keeps to the group, the status, or both', async () => {
      expect(await ids({ limit: 9, group: name('lab') })).toEqual(['c', 'd']);
      expect(await ids({ limit: 9, status: 'revoked' })).toEqual(['b', 'c']);
      expect(await ids({ limit: 9, status: 'revoked', group: name('lab') })).toEqual(['c']);
      expect(await ids({ limit: 9, status: 'revoked', after: deviceId('b') })).toEqual(['c']);
      expect(await ids({ limit: 9, group: name('none') })).toEqual([]);
    });

    it('counts those of a group and a status, and goes on where it stopped', async () => {
      const { registry } = world;
      const lab = { group: name('lab'), status: 'active' } as const;
      await change(registry, async (transaction) => {
        for (const id of ['e', 'f']) await transaction.insertDevice(device(id, { group: name('lab') }));
      });
      expect(await registry.countDevices({ ...lab, limit: 2 })).toEqual({ devices: 2, last: 'e' });
      expect(await registry.countDevices({ ...lab, limit: 2, after: deviceId('e') })).toEqual({
        devices: 1,
        last: 'f',
      });
      expect(await registry.countDevices({ ...lab, limit: 2, after: deviceId('f') })).toEqual({
        devices: 0,
        last: null,
      });
      expect(await registry.countDevices({ ...lab, status: 'revoked', limit: 9 })).toEqual({
        devices: 1,
        last: 'c',
      });
      await expect(registry.countDevices({ ...lab, limit: -1 })).rejects.toThrow(RangeError);
    });

    it.each([-1, 0.5, Number.NaN])('refuses %d as the size of a page', async (limit) => {
      await expect(ids({ limit })).rejects.toThrow(RangeError);
    });
  });
}
