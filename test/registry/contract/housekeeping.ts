/** What leaves the registry, and what must be known of it all the same. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseFingerprint } from '../../../core/ids.ts';
import type { Horizon } from '../../../registry/port/housekeeping.ts';
import type { CertificateRecord, Pruned, RequestRecord } from '../../../registry/records.ts';
import { certificate, change, device, fingerprint, NOW, name, serial, token } from '../samples.ts';
import type { World } from './world.ts';

const DAY = 86_400_000;
const ENDED = { revokedAt: NOW, reason: 'superseded' } as const;
const NOTHING: Pruned = { certificates: 0, tokens: 0, tokenUses: 0, requests: 0 };

export function describeHousekeeping(world: World): void {
  const pump = device('pump');
  const of = (label: string, notAfter: number, more: Partial<CertificateRecord> = {}) =>
    certificate(label, { device: pump.id, notAfter, ...more });
  const superseded = (label: string, notAfter: number, more: Partial<CertificateRecord> = {}) =>
    of(label, notAfter, { status: 'superseded', ...ENDED, ...more });
  const insert = (...records: CertificateRecord[]) =>
    change(world.registry, async (transaction) => {
      for (const record of records) await transaction.insertCertificate(record);
    });
  const prune = (horizon: Horizon, limit = 100) =>
    change(world.registry, ({ housekeeping }) => housekeeping.pruneCertificates(horizon, limit));
  const pruneTokens = (before: number, limit = 100) =>
    change(world.registry, ({ housekeeping }) => housekeeping.pruneTokens(before, limit));
  const isThere = async ({ fingerprint: of }: CertificateRecord) =>
    (await world.registry.certificate(of)) !== undefined;

  function request(more: Partial<RequestRecord> = {}): Omit<RequestRecord, 'id'> {
    return {
      status: 'denied',
      device: pump.id,
      group: name('default'),
      credential: 'token:old',
      manufacturer: null,
      keyFingerprint: fingerprint('key of a request'),
      keyKind: 'ec-p256',
      address: '192.0.2.1',
      createdAt: NOW,
      expiresAt: null,
      decidedAt: NOW,
      decidedBy: 'operator:admin',
      reason: null,
      serialNumber: null,
      ...more,
    };
  }

  describe('certificates that have had their time', () => {
    beforeEach(() => change(world.registry, (transaction) => transaction.insertDevice(pump)));

    it('go when they ended by then, and later where they may still be renewed', async () => {
      const gone = [
        superseded('superseded', NOW),
        of('revoked', NOW, { status: 'revoked', ...ENDED }),
        of('active', NOW - DAY),
        of('suspended', NOW - DAY, { status: 'suspended', ...ENDED }),
        certificate('server', { notAfter: NOW - DAY }),
      ];
      const kept = [superseded('superseded later', NOW + 1), of('renewable', NOW - DAY + 1)];
      await insert(...gone, ...kept);
      const horizon = { ended: NOW, renewable: NOW - DAY };
      expect(await world.registry.due({ ...horizon, now: NOW }, 100)).toEqual({
        certificates: 5,
        tokens: 0,
        requests: 0,
      });
      expect(await world.registry.due({ ...horizon, now: NOW }, 4)).toMatchObject({ certificates: 4 });
      expect(await prune(horizon)).toEqual({ ...NOTHING, certificates: 5 });
      expect(await Promise.all([...gone, ...kept].map(isThere))).toEqual([
        ...gone.map(() => false),
        true,
        true,
      ]);
      expect(await prune(horizon)).toEqual(NOTHING);
    });

    it('go some at a time, those first that ended first', async () => {
      const records = [3, 1, 2].map((at) => superseded(`at ${at}`, NOW + at));
      await insert(...records);
      const horizon = { ended: NOW + DAY, renewable: NOW };
      expect(await prune(horizon, 2)).toMatchObject({ certificates: 2 });
      expect(await Promise.all(records.map(isThere))).toEqual([true, false, false]);
    });

    it('leave their successors, which tell no more what they renew', async () => {
      const old = superseded('old', NOW);
      const successor = of('successor', NOW + DAY, { renews: old.serialNumber, firstUsedAt: NOW });
      await insert(old, successor);
      await prune({ ended: NOW, renewable: NOW });
      expect(await world.registry.certificate(successor.fingerprint)).toEqual({ ...successor, renews: null });
    });

    it('leave their keys to their device, however often they were certified', async () => {
      const { registry } = world;
      const { keyFingerprint } = superseded('first', NOW);
      await insert(superseded('first', NOW), superseded('second', NOW, { keyFingerprint }));
      await prune({ ended: NOW, renewable: NOW });
      expect(await registry.keyOwner(keyFingerprint)).toBe(pump.id);
      expect(await registry.keyOwner(fingerprint('key of nobody'))).toBeUndefined();
      const sibling = `${keyFingerprint.slice(0, 31)}${keyFingerprint[31] === '0' ? '1' : '0'}${'0'.repeat(32)}`;
      expect(await registry.keyOwner(parseFingerprint(sibling))).toBeUndefined();
    });

    it('leave no key of a certificate that no device had', async () => {
      const server = certificate('server', { notAfter: NOW, status: 'revoked', ...ENDED });
      await insert(server);
      await prune({ ended: NOW, renewable: NOW });
      expect(await world.registry.keyOwner(server.keyFingerprint)).toBeUndefined();
    });

    it('leave their device enrolled since it was', async () => {
      await insert(superseded('only', NOW, { issuedAt: NOW - 9 * DAY }));
      await prune({ ended: NOW, renewable: NOW });
      expect(await world.registry.certificatesOf(pump.id)).toEqual([]);
      expect(await world.registry.enrolledAt(pump.id)).toBe(NOW - 9 * DAY);
      await insert(of('later', NOW + DAY));
      expect(await world.registry.enrolledAt(pump.id)).toBe(NOW - 9 * DAY);
    });

    it('leave a factory certificate spent', async () => {
      const record = superseded('by factory', NOW);
      const use = {
        device: pump.id,
        manufacturer: name('acme'),
        factoryCertificate: fingerprint('factory certificate'),
        keyFingerprint: record.keyFingerprint,
        serialNumber: record.serialNumber,
      };
      await insert(record);
      await change(world.registry, (transaction) => transaction.putFactoryUse(use));
      await prune({ ended: NOW, renewable: NOW });
      expect(await world.registry.factoryUse(pump.id)).toEqual(use);
    });

    it('take along the requests that they came of, and no others', async () => {
      const { registry } = world;
      const record = superseded('approved', NOW);
      await insert(record, of('stands', NOW + DAY));
      const { issued, standing } = await change(registry, async (transaction) => ({
        issued: await transaction.insertRequest(
          request({ status: 'issued', serialNumber: record.serialNumber }),
        ),
        standing: await transaction.insertRequest(
          request({ status: 'issued', serialNumber: serial('stands') }),
        ),
      }));
      expect(await prune({ ended: NOW, renewable: NOW })).toEqual({
        ...NOTHING,
        certificates: 1,
        requests: 1,
      });
      expect(await registry.request(issued.id, NOW)).toBeUndefined();
      expect(await registry.request(standing.id, NOW)).toEqual(standing);
    });
  });

  describe('tokens that have had their time', () => {
    const old = token('old', { expiresAt: NOW, maxUses: 9 });
    const use = (id: string, ...labels: string[]) =>
      change(world.registry, async (transaction) => {
        for (const label of labels) {
          await transaction.insertCertificate(certificate(label));
          await transaction.recordTokenUse(id, certificate(label).keyFingerprint, serial(label));
        }
      });
    beforeEach(() =>
      change(world.registry, async (transaction) => {
        await transaction.insertToken(old);
        await transaction.insertToken(token('young', { expiresAt: NOW + 1 }));
      }),
    );

    it('go with their uses, and leave the certificates', async () => {
      const { registry } = world;
      await use('old', 'one', 'two');
      await use('young', 'three');
      expect(await registry.due({ ended: NOW, renewable: NOW, now: NOW }, 10)).toMatchObject({ tokens: 1 });
      expect(await pruneTokens(NOW)).toEqual({ ...NOTHING, tokens: 1, tokenUses: 2 });
      expect(await registry.token('old')).toBeUndefined();
      expect(await registry.tokenUse('old', certificate('one').keyFingerprint)).toBeUndefined();
      expect(await registry.certificate(certificate('one').fingerprint)).toEqual(certificate('one'));
      expect(await registry.tokenUse('young', certificate('three').keyFingerprint)).toEqual(
        certificate('three'),
      );
    });

    it('go in several steps where they have more uses than one may take', async () => {
      await use('old', 'a', 'b', 'c');
      expect(await pruneTokens(NOW, 2)).toEqual({ ...NOTHING, tokenUses: 2 });
      expect(await world.registry.token('old')).toBeDefined();
      expect(await pruneTokens(NOW, 2)).toEqual({ ...NOTHING, tokens: 1, tokenUses: 1 });
    });

    it('stay while somebody waits for an operator by them', async () => {
      await change(world.registry, (transaction) =>
        transaction.insertRequest(request({ status: 'pending', expiresAt: NOW + DAY, decidedAt: null })),
      );
      expect(await pruneTokens(NOW)).toEqual(NOTHING);
      expect(await world.registry.token('old')).toEqual(old);
    });

    it('take along the denials of those who asked by them; what a factory certificate was denied stays so', async () => {
      const { registry } = world;
      const factory = request({ credential: `factory:${fingerprint('factory')}` });
      const kept = await change(registry, async (transaction) => {
        await transaction.insertRequest(request());
        return [
          await transaction.insertRequest(factory),
          await transaction.insertRequest(request({ credential: 'token:young' })),
        ];
      });
      expect(await pruneTokens(NOW)).toEqual({ ...NOTHING, tokens: 1, requests: 1 });
      expect(await registry.requests({ limit: 10, now: NOW })).toEqual(kept);
    });

    it('that are still good are used anew by a key whose certificate is gone', async () => {
      const { registry } = world;
      const { keyFingerprint } = certificate('first');
      await use('old', 'first');
      const again = () =>
        change(registry, async (transaction) => {
          await transaction.insertCertificate(certificate('again', { keyFingerprint }));
          await transaction.recordTokenUse('old', keyFingerprint, serial('again'));
        });
      await expect(again()).rejects.toThrow(/used for this key before/);
      await change(registry, (transaction) =>
        transaction.setCertificateStatus([serial('first')], 'superseded', NOW),
      );
      await prune({ ended: NOW + 90 * DAY, renewable: 0 });
      expect(await registry.tokenUse('old', keyFingerprint)).toBeUndefined();
      await again();
      expect(await registry.tokenUse('old', keyFingerprint)).toMatchObject({ serialNumber: serial('again') });
      expect(await registry.token('old')).toMatchObject({ uses: 2 });
    });
  });

  it('what leaves the registry is told of in the journal, or nothing leaves it', async () => {
    await insert(certificate('one', { notAfter: NOW }));
    const horizon = { ended: NOW, renewable: NOW };
    await expect(
      world.registry.write('system', ({ housekeeping }) => housekeeping.pruneCertificates(horizon, 1)),
    ).rejects.toThrow(/appended no event/);
    expect(await world.registry.due({ ...horizon, now: NOW }, 1)).toMatchObject({ certificates: 1 });
  });

  it('the room that it takes is told', async () => {
    const { bytes, freeBytes } = await world.registry.space();
    expect(bytes).toBeGreaterThan(freeBytes);
    expect(freeBytes).toBeGreaterThanOrEqual(0);
  });
}
