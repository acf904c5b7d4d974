/** What was observed of devices: no state, so no journal; and never more than there is room for. */
import { describe, expect, it } from '@jest/globals';
import type { SightingRecord } from '../../../registry/observations.ts';
import { change, device, deviceId, NOW, someEvent } from '../samples.ts';
import { claim, refusal } from './refusals.ts';
import type { World } from './world.ts';

const _DAY = 86_400_000;
const pump = device('pump');

function sighting(id: string, rest: Partial<SightingRecord> = {}): SightingRecord {
  return {
    device: deviceId(id),
    run: NOW,
    connectedAt: NOW,
    disconnectedAt: null,
    reason: null,
    sessions: 1,
    clientId: id,
    address: '192.0.2.1',
    tlsVersion: 'TLSv1.3',
    serialNumber: '01',
    ...rest,
  };
}

export function describeObservations(world: World): void {
  const insert = (...ids: string[]) =>
    change(world.registry, async (transaction) => {
      for (const id of ids) await transaction.insertDevice(device(id));
    });

  describe('what is observed', () => {
    it('leaves no row in the journal, and every other table as it was', async () => {
      const { registry } = world;
      await insert('pump');
      const before = [await registry.journalHead(), await registry.device(pump.id)];
      await registry.observe({
        report: 7,
        run: { startedAt: NOW, lastAt: NOW, endedAt: null },
        sightings: [sighting('pump')],
        refusals: [refusal('a')],
        claims: [claim('pump', '192.0.2.9')],
      });
      expect([await registry.journalHead(), await registry.device(pump.id)]).toEqual(before);
      expect(await registry.observations.lastReport()).toBe(7);
    });

    it('is seen by a view', async () => {
      const view = await world.openView();
      await insert('pump');
      await world.registry.observe({ sightings: [sighting('pump')], refusals: [refusal('a')] });
      expect((await view.observations.sighting(pump.id))?.record).toEqual(sighting('pump'));
      expect(await view.observations.refusalsOf(pump.id)).toEqual([refusal('a')]);
    });

    it('of a device that is not there is nothing', async () => {
      const { registry } = world;
      await registry.observe({
        sightings: [sighting('none')],
        refusals: [refusal('a', { device: deviceId('none') })],
      });
      expect(await registry.observations.sighting(deviceId('none'))).toBeUndefined();
      expect(await registry.observations.refusalsOf(deviceId('none'))).toEqual([]);
    });

    it('shares a commit with other writes, and neither fails with the other', async () => {
      const { registry } = world;
      await insert('pump');
      const [, refused] = await Promise.allSettled([
        registry.observe({ sightings: [sighting('pump')] }),
        registry.write('system', (transaction) => transaction.insertDevice(device('unjournaled'))),
        registry.write('system', (transaction) => transaction.append(someEvent())),
      ]);
      expect(refused?.status).toBe('rejected');
      expect(await registry.observations.sighting(pump.id)).toBeDefined();
      expect(await registry.device(deviceId('unjournaled'))).toBeUndefined();
    });
  });

  describe('sightings', () => {
    it('are one a device, the last one', async () => {
      const { observations } = world.registry;
      await insert('pump');
      await world.registry.observe({ sightings: [sighting('pump')] });
      const gone = sighting('pump', { disconnectedAt: NOW + 1, reason: 'disconnected', sessions: 0 });
      await world.registry.observe({ sightings: [gone] });
      expect(await observations.sightings(undefined, 10)).toEqual([{ record: gone, run: undefined }]);
    });

    it('come with the run that they are of', async () => {
      const { registry } = world;
      await insert('pump');
      const run = { startedAt: NOW, lastAt: NOW + 5, endedAt: null };
      await registry.observe({ run: { ...run, lastAt: NOW }, sightings: [sighting('pump')] });
      await registry.observe({ run });
      expect((await registry.observations.sighting(pump.id))?.run).toEqual(run);
      const next = { startedAt: NOW - 50, lastAt: NOW - 50, endedAt: null };
      await registry.observe({ run: next }); // its clock was set back
      expect(await registry.observations.currentRun()).toEqual(next);
      expect((await registry.observations.sighting(pump.id))?.run).toEqual(run);
    });

    it('are kept of a hundred runs, and outlive theirs', async () => {
      const { registry } = world;
      await insert('pump');
      for (let run = 0; run <= 100; run++) {
        const startedAt = NOW + run;
        await registry.observe({
          run: { startedAt, lastAt: startedAt, endedAt: null },
          sightings: run === 0 ? [sighting('pump')] : [],
        });
      }
      expect(await registry.observations.sighting(pump.id)).toEqual({
        record: sighting('pump'),
        run: undefined,
      });
    });

    it('come in pages in the order of their IDs, without devices that are revoked', async () => {
      const { registry } = world;
      const ids = ['a', 'b', 'c', 'd'];
      await insert(...ids);
      await registry.observe({ sightings: ids.map((id) => sighting(id)) });
      await change(registry, (transaction) => transaction.updateDevice(deviceId('c'), { status: 'revoked' }));
      const page = async (after?: string) =>
        (await registry.observations.sightings(after === undefined ? undefined : deviceId(after), 2)).map(
          ({ record }) => record.device,
        );
      expect([await page(), await page('b'), await page('d')]).toEqual([['a', 'b'], ['d'], []]);
      expect(await registry.observations.sighting(deviceId('c'))).toBeDefined();
    });
  });
}
