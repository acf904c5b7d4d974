/** What devices were refused, and strangers who claimed to be them: added up, and never more than there is room for. */
import { describe, expect, it } from '@jest/globals';
import type { DeviceRefusal, RefusedClaim } from '../../../core/observations/refusal.ts';
import { change, device, deviceId, NOW } from '../samples.ts';
import type { World } from './world.ts';

const DAY = 86_400_000;
const pump = device('pump');

export function refusal(topic: string | null, rest: Partial<DeviceRefusal> = {}): DeviceRefusal {
  return {
    device: pump.id,
    action: 'publish',
    rule: 'publish_denied',
    topic,
    detail: 'not granted',
    serialNumber: '01',
    clientId: 'pump',
    address: '192.0.2.1',
    count: 1,
    firstAt: NOW,
    lastAt: NOW,
    ...rest,
  };
}

export function claim(claimed: string, address: string, rest: Partial<RefusedClaim> = {}): RefusedClaim {
  const { device: _device, ...counted } = refusal(null);
  return { ...counted, claimed: deviceId(claimed), address, ...rest };
}

export function describeRefusals(world: World): void {
  const insert = (...ids: string[]) =>
    change(world.registry, async (transaction) => {
      for (const id of ids) await transaction.insertDevice(device(id));
    });

  describe('refusals', () => {
    it('that are told again are added up', async () => {
      const { registry } = world;
      await insert('pump');
      await registry.observe({
        refusals: [refusal('a', { count: 3 }), refusal(null, { action: 'connect' })],
      });
      const later = refusal('a', { count: 4, firstAt: NOW + 5, lastAt: NOW + 9, address: '192.0.2.7' });
      await registry.observe({ refusals: [later] });
      expect(await registry.observations.refusalsOf(pump.id)).toEqual([
        { ...later, count: 7, firstAt: NOW },
        refusal(null, { action: 'connect' }),
      ]);
    });

    it('keep to what a number can hold', async () => {
      const { registry } = world;
      await insert('pump');
      for (let time = 0; time < 2; time++) {
        await registry.observe({ refusals: [refusal('a', { count: Number.MAX_SAFE_INTEGER })] });
      }
      expect(await registry.observations.refusalsOf(pump.id)).toMatchObject([
        { count: Number.MAX_SAFE_INTEGER },
      ]);
    });

    it('are the newest twenty of a device, and those of others stay', async () => {
      const { registry } = world;
      await insert('pump', 'press');
      await registry.observe({ refusals: [refusal('old', { device: deviceId('press') })] });
      for (let page = 0; page < 5; page++) {
        const refusals = Array.from({ length: 200 }, (_, index) =>
          refusal(`${page}/${index}`, { lastAt: NOW + page * 200 + index }),
        );
        await registry.observe({ refusals });
      }
      const kept = await registry.observations.refusalsOf(pump.id);
      expect(kept.map(({ topic }) => topic)).toEqual(
        Array.from({ length: 20 }, (_, index) => `4/${199 - index}`),
      );
      expect(await registry.observations.refusalsOf(deviceId('press'))).toHaveLength(1);
    });

    it('are forgotten when they are old', async () => {
      const { registry } = world;
      await insert('pump');
      await registry.observe({ refusals: [refusal('a'), refusal('b', { lastAt: NOW + DAY })] });
      world.now = NOW + 30 * DAY + 1;
      await registry.observe({});
      expect((await registry.observations.refusalsOf(pump.id)).map(({ topic }) => topic)).toEqual(['b']);
    });

    it('are fifty thousand in all, of which the oldest make room', async () => {
      const { registry } = world;
      const ids = Array.from({ length: 2_600 }, (_, index) => `d${index}`);
      await insert(...ids);
      for (let from = 0; from < ids.length; from += 100) {
        await registry.observe({
          refusals: ids
            .slice(from, from + 100)
            .flatMap((id, index) =>
              Array.from({ length: 20 }, (_, topic) =>
                refusal(`t${topic}`, { device: deviceId(id), lastAt: NOW + from + index }),
              ),
            ),
        });
      }
      const lengths = await Promise.all(
        ['d0', 'd99', 'd100', 'd2599'].map(
          async (id) => (await registry.observations.refusalsOf(deviceId(id))).length,
        ),
      );
      expect(lengths).toEqual([0, 0, 20, 20]);
    });
  });

  describe('claims of strangers', () => {
    it('are found by what they claim, and stand apart from what the device was refused', async () => {
      const { registry } = world;
      await insert('pump');
      await registry.observe({ claims: [claim('pump', '192.0.2.9'), claim('nobody', '192.0.2.9')] });
      expect(await registry.observations.refusalsOf(pump.id)).toEqual([]);
      expect(await registry.observations.claimsOf(pump.id)).toEqual([claim('pump', '192.0.2.9')]);
      expect(await registry.observations.claimsOf(deviceId('nobody'))).toHaveLength(1);
    });

    it('are ten a name and fifty an address, the newest', async () => {
      const { registry } = world;
      await registry.observe({
        claims: Array.from({ length: 30 }, (_, index) =>
          claim('pump', `10.0.0.${index}`, { lastAt: NOW + index }),
        ),
      });
      expect((await registry.observations.claimsOf(pump.id)).map(({ address }) => address)).toEqual(
        Array.from({ length: 10 }, (_, index) => `10.0.0.${29 - index}`),
      );
      const names = Array.from({ length: 300 }, (_, index) => `n${index}`);
      await registry.observe({
        claims: names.map((name, index) => claim(name, '192.0.2.1', { lastAt: NOW + index })),
      });
      const found = await Promise.all(names.map((name) => registry.observations.claimsOf(deviceId(name))));
      expect(found.flat()).toHaveLength(50);
      expect(await registry.observations.claimsOf(pump.id)).toHaveLength(10);
    });

    it('who claim nothing are found by their address, and apart from the others', async () => {
      const { registry } = world;
      const { claimed: _claimed, ...stranger } = claim('pump', '192.0.2.9', { rule: 'tls_handshake_failed' });
      const other = { ...stranger, address: '192.0.2.10', lastAt: NOW + 1 };
      await registry.observe({ claims: [claim('pump', '192.0.2.9')], strangers: [stranger, other] });
      await registry.observe({ strangers: [stranger] });
      const { observations } = registry;
      expect(await observations.strangersAt('192.0.2.9')).toEqual([{ ...stranger, count: 2 }]);
      expect(await observations.strangers(9)).toEqual([other, { ...stranger, count: 2 }]);
      expect(await observations.strangers(1)).toHaveLength(1);
      expect(await observations.claimsOf(pump.id)).toHaveLength(1);
    });

    it('who claim nothing are five hundred in all, and push out nobody who claims something', async () => {
      const { registry } = world;
      await registry.observe({ claims: [claim('pump', '192.0.2.9')] });
      const { claimed: _claimed, ...stranger } = claim('pump', '');
      for (let from = 0; from < 3_000; from += 500) {
        await registry.observe({
          strangers: Array.from({ length: 500 }, (_, index) => ({
            ...stranger,
            address: `a${from + index}`,
            lastAt: NOW + 1 + from + index,
          })),
        });
      }
      expect(await registry.observations.strangers(9_999)).toHaveLength(500);
      expect(await registry.observations.strangersAt('a2999')).toHaveLength(1);
      expect(await registry.observations.claimsOf(pump.id)).toHaveLength(1);
    });

    it('are two thousand in all, and none is older than a week', async () => {
      const { registry } = world;
      for (let from = 0; from < 2_500; from += 500) {
        await registry.observe({
          claims: Array.from({ length: 500 }, (_, index) =>
            claim(`n${from + index}`, `a${from + index}`, { lastAt: NOW + from + index }),
          ),
        });
      }
      const first = await registry.observations.claimsOf(deviceId('n499'));
      const later = await registry.observations.claimsOf(deviceId('n500'));
      expect([first.length, later.length]).toEqual([0, 1]);
      world.now = NOW + 8 * DAY;
      await registry.observe({});
      expect(await registry.observations.claimsOf(deviceId('n2499'))).toEqual([]);
    });
  });
}
