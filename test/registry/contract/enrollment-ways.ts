/** Manufacturers, what their certificates were used for, releases, and requests that wait for operators. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ManufacturerRecord, RequestRecord } from '../../../registry/records.ts';
import { certificate, change, device, deviceId, fingerprint, NOW, name } from '../samples.ts';
import type { World } from './world.ts';

const HOUR = 3_600_000;

function manufacturer(of: string, terms: Partial<ManufacturerRecord> = {}): ManufacturerRecord {
  return {
    name: name(of),
    group: name('default'),
    idFrom: 'cn',
    idPrefix: '',
    admit: 'any',
    certificates: `PEM of ${of}`,
    changedAt: NOW,
    ...terms,
  };
}

function request(of: string, terms: Partial<RequestRecord> = {}): Omit<RequestRecord, 'id'> {
  return {
    status: 'pending',
    device: deviceId(of),
    group: name('default'),
    credential: 'token:a',
    manufacturer: null,
    keyFingerprint: fingerprint(`key of ${of}`),
    keyKind: 'ec-p256',
    address: '::1',
    createdAt: NOW,
    expiresAt: NOW + HOUR,
    decidedAt: null,
    decidedBy: null,
    reason: null,
    serialNumber: null,
    ...terms,
  };
}

export function describeEnrollmentWays(world: World): void {
  const insert = (...requests: Omit<RequestRecord, 'id'>[]) =>
    change(world.registry, async (transaction) => {
      const inserted: RequestRecord[] = [];
      for (const each of requests) inserted.push(await transaction.insertRequest(each));
      return inserted;
    });

  describe('manufacturers', () => {
    it('are kept, replaced under their name, listed by it, and removed', async () => {
      const { registry } = world;
      const [acme, widgets] = [
        manufacturer('acme'),
        manufacturer('widgets', { admit: 'listed', group: null }),
      ];
      for (const each of [widgets, manufacturer('acme', { idPrefix: 'old-' }), acme]) {
        await change(registry, (transaction) => transaction.putManufacturer(each));
      }
      expect(await registry.manufacturers()).toEqual([acme, widgets]);
      expect(await registry.manufacturer(acme.name)).toEqual(acme);
      await change(registry, (transaction) => transaction.removeManufacturer(acme.name));
      expect(await registry.manufacturer(acme.name)).toBeUndefined();
      await expect(
        change(registry, (transaction) => transaction.removeManufacturer(acme.name)),
      ).rejects.toMatchObject({ code: 'manufacturer_unknown' });
    });

    it.each([
      ['that admit any without a group', { group: null }],
      ['in a group that is not there', { group: name('nowhere') }],
    ])('%s are refused', async (_what, terms) => {
      const broken = manufacturer('broken', terms);
      await expect(
        change(world.registry, (transaction) => transaction.putManufacturer(broken)),
      ).rejects.toHaveProperty('message');
    });
  });

  describe('a device', () => {
    const pump = device('pump-1');
    const given = certificate('given', { device: pump.id });
    beforeEach(() =>
      change(world.registry, async (transaction) => {
        await transaction.insertDevice(pump);
        await transaction.insertDevice(device('pump-2'));
        await transaction.insertCertificate(given);
      }),
    );

    it('that has had a certificate is told from one that has not', async () => {
      expect(await world.registry.enrolledAt(pump.id)).toBeDefined();
      expect(await world.registry.enrolledAt(deviceId('pump-2'))).toBeUndefined();
    });

    it('has the latest use of a factory certificate', async () => {
      const { registry } = world;
      expect(await registry.factoryUse(pump.id)).toBeUndefined();
      for (const label of ['first', 'second']) {
        const use = {
          device: pump.id,
          manufacturer: name('acme'),
          factoryCertificate: fingerprint(label),
          keyFingerprint: given.keyFingerprint,
          serialNumber: given.serialNumber,
        };
        await change(registry, (transaction) => transaction.putFactoryUse(use));
        expect(await registry.factoryUse(pump.id)).toEqual(use);
      }
    });

    it('is released from the first time on, until that is used up', async () => {
      const { registry } = world;
      await change(registry, (transaction) => transaction.endRelease(pump.id));
      for (const at of [NOW, NOW + 5]) {
        await change(registry, (transaction) => transaction.recordRelease(pump.id, at));
        expect(await registry.releasedAt(pump.id)).toBe(NOW);
      }
      await change(registry, (transaction) => transaction.endRelease(pump.id));
      expect(await registry.releasedAt(pump.id)).toBeUndefined();
    });
  });

  describe('requests', () => {
    it('are numbered, and no number comes twice', async () => {
      const { registry } = world;
      const [one, two] = await insert(request('one'), request('two'));
      expect(two).toEqual({ ...request('two'), id: (one?.id ?? 0) + 1 });
      await change(registry, (transaction) => transaction.removeRequest(two?.id ?? 0));
      const [three] = await insert(request('three'));
      expect(three?.id).toBe((two?.id ?? 0) + 1);
      expect(await registry.request(three?.id ?? 0, NOW)).toEqual(three);
      expect(await registry.request(two?.id ?? 0, NOW)).toBeUndefined();
    });

    it('are none once they have lapsed, unless they are denied or issued', async () => {
      const { registry } = world;
      const [pending, approved, denied] = await insert(
        request('a'),
        request('b', { status: 'approved', expiresAt: NOW + 2 * HOUR }),
        request('c', { status: 'denied', expiresAt: null }),
      );
      const idsAt = async (now: number) =>
        (await registry.requests({ now, limit: 9 })).map(({ device: id }) => id);
      expect(await idsAt(NOW)).toEqual(['a', 'b', 'c']);
      expect(await idsAt(NOW + HOUR)).toEqual(['b', 'c']);
      expect(await idsAt(NOW + 2 * HOUR)).toEqual(['c']);
      expect(await registry.request(pending?.id ?? 0, NOW + HOUR)).toBeUndefined();
      expect(await registry.request(denied?.id ?? 0, NOW + 9 * HOUR)).toEqual(denied);
      expect(await registry.lapsedRequests(NOW + 2 * HOUR, 9)).toEqual([pending, approved]);
      expect(await registry.lapsedRequests(NOW + 2 * HOUR, 1)).toEqual([pending]);
      expect([await registry.openRequests(NOW), await registry.openRequests(NOW + HOUR)]).toEqual([2, 1]);
    });

    it('are listed in pages, and by status', async () => {
      const { registry } = world;
      const all = await insert(
        ...['a', 'b', 'c'].map((id) => request(id)),
        request('d', { status: 'approved' }),
      );
      const ids = all.map(({ id }) => id);
      const list = async (query: object) =>
        (await registry.requests({ now: NOW, limit: 9, ...query })).map(({ id }) => id);
      expect(await list({ limit: 2 })).toEqual(ids.slice(0, 2));
      expect(await list({ after: ids[1], limit: 2 })).toEqual(ids.slice(2));
      expect(await list({ status: 'pending', after: ids[0] })).toEqual(ids.slice(1, 3));
      expect(await list({ status: 'approved' })).toEqual(ids.slice(3));
    });

    it('are found by who asked, the newest first, and counted', async () => {
      const { registry } = world;
      const keyFingerprint = fingerprint('a key');
      const [, second, third] = await insert(
        request('a', { keyFingerprint }),
        request('b', { keyFingerprint }),
        request('c'),
        request('d', { credential: 'token:b', keyFingerprint }),
      );
      expect(await registry.latestRequest('token:a', NOW)).toEqual(third);
      expect(await registry.latestRequest('token:a', NOW, keyFingerprint)).toEqual(second);
      expect(await registry.latestRequest('token:c', NOW)).toBeUndefined();
      expect(await registry.latestRequest('token:a', NOW + HOUR)).toBeUndefined();
      expect([
        await registry.openRequestsBy('token:a', NOW),
        await registry.openRequestsBy('token:c', NOW),
      ]).toEqual([3, 0]);
      expect(await registry.openRequestsBy('token:a', NOW + HOUR)).toBe(0);
      await insert(request('e', { manufacturer: name('acme') }));
      const ofAcme = [NOW, NOW + HOUR].map((now) => registry.openRequestsOf(name('acme'), now));
      expect(await Promise.all(ofAcme)).toEqual([1, 0]);
    });

    it('change in their decision alone, and are issued with a certificate', async () => {
      const { registry } = world;
      const [asked] = await insert(request('a'));
      const id = asked?.id ?? 0;
      const decided = { decidedAt: NOW, decidedBy: 'operator:admin', reason: null };
      const issued = { status: 'issued', expiresAt: null, ...decided } as const;
      await expect(
        change(registry, (transaction) => transaction.updateRequest(id, { ...issued, serialNumber: null })),
      ).rejects.toHaveProperty('message');
      const { serialNumber } = certificate('given');
      await change(registry, async (transaction) => {
        await transaction.insertCertificate(certificate('given'));
        await transaction.updateRequest(id, { ...issued, serialNumber });
      });
      expect(await registry.request(id, NOW)).toEqual({ ...asked, ...issued, serialNumber });
      await expect(
        change(registry, (transaction) => transaction.updateRequest(id + 1, { ...issued, serialNumber })),
      ).rejects.toHaveProperty('message');
    });
  });
}
