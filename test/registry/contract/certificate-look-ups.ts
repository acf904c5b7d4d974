/** Certificates as they are listed, and admitted with all that belongs to them. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { certificate, change, device, fingerprint, issuer, NOW, name, root, serial } from '../samples.ts';
import { certificateChanges } from './certificate-changes.ts';
import type { World } from './world.ts';

export function describeCertificateLookUps(world: World): void {
  const pump = device('pump', { attributes: { site: 'north' } });
  const { insert, setStatus } = certificateChanges(world);

  describe('listing certificates', () => {
    beforeEach(() => change(world.registry, (transaction) => transaction.insertDevice(pump)));

    it('goes in the order of their serial numbers, page by page', async () => {
      const records = ['a', 'b', 'c'].map((label) => certificate(label));
      await insert(...records);
      const sorted = records.map(({ serialNumber }) => serialNumber).toSorted();
      const [first] = await world.registry.certificates({ limit: 1 });
      expect(first?.serialNumber).toBe(sorted[0]);
      const others = await world.registry.certificates({ limit: 9, ...(sorted[0] && { after: sorted[0] }) });
      expect(others.map(({ serialNumber }) => serialNumber)).toEqual(sorted.slice(1));
    });

    it('that stand of an issuer goes in the order in which they were issued, page by page', async () => {
      const { registry } = world;
      const labels = ['one', 'two', 'three', 'four', 'five'];
      await insert(
        ...labels.map((label) => certificate(label, { device: pump.id })),
        certificate('server'),
        certificate('of another', { device: pump.id, issuer: root.fingerprint }),
      );
      await setStatus(certificate('two'), 'suspended', NOW);
      await setStatus(certificate('three'), 'superseded', NOW);
      await setStatus(certificate('four'), 'revoked', NOW);
      const query = { issuer: issuer.fingerprint, limit: 2 };
      const page = await registry.liveCertificates(query);
      expect(page).toMatchObject([
        { serialNumber: serial('one'), device: pump.id },
        { serialNumber: serial('two'), device: pump.id },
      ]);
      const after = page.at(-1)?.position ?? 0;
      expect(await registry.liveCertificates({ ...query, after })).toMatchObject([
        { serialNumber: serial('five') },
      ]);
    });

    it('that may be told of with more goes by when they expire, page by page', async () => {
      const { registry } = world;
      const inTime = ['one', 'two', 'three'].map((label) => certificate(label, { device: pump.id }));
      const others = [
        certificate('over', { device: pump.id, notAfter: NOW - 1 }),
        certificate('server'),
        certificate('of another', { device: pump.id, issuer: root.fingerprint }),
      ];
      const told = certificate('told', { device: pump.id });
      await insert(...inTime, ...others, told, certificate('stands', { device: pump.id }));
      for (const one of [...inTime, ...others]) await setStatus(one, 'revoked', NOW, 'superseded');
      await setStatus(told, 'revoked', NOW, 'keyCompromise');
      const query = { issuer: issuer.fingerprint, now: NOW, limit: 2 };
      const page = await registry.raisableByIssuer(query);
      const [after] = page.slice(-1);
      const rest = await registry.raisableByIssuer({ ...query, ...(after && { after }) });
      expect([page.length, rest.length]).toEqual([2, 1]);
      expect([...page, ...rest].map(({ serialNumber }) => serialNumber)).toEqual(
        inTime.map(({ serialNumber }) => serialNumber).toSorted(),
      );
    });
  });

  describe('admission', () => {
    const record = certificate('one', { device: pump.id });
    beforeEach(async () => {
      await change(world.registry, (transaction) => transaction.insertDevice(pump));
      await insert(record, certificate('server'));
    });

    it('finds certificate, device, issuer and policy together', async () => {
      const { serialNumber, fingerprint, device, status, notBefore, notAfter, renews, firstUsedAt } = record;
      const { id, group, attributes } = pump;
      const { kind, subject } = issuer;
      const policy = await world.registry.policy(name('device'));
      expect(await world.registry.admission(fingerprint)).toEqual({
        certificate: {
          ...{ serialNumber, fingerprint, device, status, notBefore, notAfter, renews, firstUsedAt },
          issuer: record.issuer,
        },
        device: { id, group, attributes, status: pump.status },
        issuer: { kind, subject, status: issuer.status },
        policy: { name: policy?.name, document: policy?.document },
        seq: await world.registry.journalHead(),
        revokedSeq: null,
      });
    });

    it('follows the group to its policy of the moment', async () => {
      const { registry } = world;
      await change(registry, async (transaction) => {
        await transaction.putPolicy({ name: name('strict'), document: '{}', changedAt: NOW });
        await transaction.putGroup({
          name: name('default'),
          description: '',
          profile: name('device'),
          policy: name('strict'),
          renewalGrace: 0,
          approval: 'none',
        });
      });
      expect((await registry.admission(record.fingerprint))?.policy.name).toBe('strict');
    });

    it('knows neither a foreign certificate nor one of a server', async () => {
      expect(await world.registry.admission(fingerprint('foreign'))).toBeUndefined();
      expect(await world.registry.admission(certificate('server').fingerprint)).toBeUndefined();
    });
  });
}
