/** CAs, and what they have signed besides certificates of devices: each other, and CRLs. */
import { describe, expect, it } from '@jest/globals';
import type { CrlRecord } from '../../../registry/records.ts';
import { change, crl, fingerprint, issuer, NOW, root, serial } from '../samples.ts';
import type { World } from './world.ts';

export function describeIssuers(world: World): void {
  describe('issuers', () => {
    it('are listed in the order in which they were added', async () => {
      expect(await world.registry.issuers()).toEqual([root, issuer]);
      expect(await world.registry.issuer(issuer.fingerprint)).toEqual(issuer);
    });

    it('are retiring, then retired, and never come back', async () => {
      const { registry } = world;
      const set = (status: 'retiring' | 'retired', at: number) =>
        change(registry, (transaction) => transaction.setIssuerStatus(issuer.fingerprint, status, at));
      await set('retiring', NOW + 1);
      expect(await registry.issuer(issuer.fingerprint)).toEqual({ ...issuer, status: 'retiring' });
      await set('retired', NOW + 2);
      const retired = { ...issuer, status: 'retired', retiredAt: NOW + 2 };
      expect(await registry.issuer(issuer.fingerprint)).toEqual(retired);
      await expect(set('retiring', NOW + 3)).rejects.toHaveProperty('message');
      expect(await registry.issuer(issuer.fingerprint)).toEqual(retired);
    });

    it('that do not exist do not retire', async () => {
      await expect(
        change(world.registry, (transaction) =>
          transaction.setIssuerStatus(fingerprint('none'), 'retired', NOW),
        ),
      ).rejects.toMatchObject({ code: 'issuer_unknown' });
    });

    it('are active one of each kind at a time', async () => {
      const { registry } = world;
      const { retiredAt: _never, ...second } = {
        ...issuer,
        fingerprint: fingerprint('second'),
        serialNumber: serial('second'),
      };
      const insert = () => change(registry, (transaction) => transaction.insertIssuer(second));
      await expect(insert()).rejects.toHaveProperty('message');
      await change(registry, (transaction) =>
        transaction.setIssuerStatus(issuer.fingerprint, 'retiring', NOW),
      );
      await insert();
      expect((await registry.issuers()).map(({ status }) => status)).toEqual([
        'active',
        'retiring',
        'active',
      ]);
    });
  });

  describe('cross certificates', () => {
    const cross = {
      fingerprint: fingerprint('cross'),
      kind: 'newWithOld',
      subject: root.fingerprint,
      issuer: root.fingerprint,
      serialNumber: serial('cross'),
      notBefore: NOW,
      notAfter: NOW + 1,
      der: Buffer.from('cross'),
    } as const;

    it('are kept, and listed in the order in which they were added', async () => {
      const { registry } = world;
      const other = {
        ...cross,
        kind: 'oldWithNew',
        fingerprint: fingerprint('a'),
        serialNumber: serial('a'),
      } as const;
      await change(registry, async (transaction) => {
        await transaction.insertCrossCertificate(cross);
        await transaction.insertCrossCertificate(other);
      });
      expect(await registry.crossCertificates()).toEqual([cross, other]);
    });

    it('are refused for a root that the registry does not know', async () => {
      const stray = { ...cross, subject: fingerprint('none') };
      await expect(
        change(world.registry, (transaction) => transaction.insertCrossCertificate(stray)),
      ).rejects.toHaveProperty('message');
      expect(await world.registry.crossCertificates()).toEqual([]);
    });
  });

  describe('CRL numbers', () => {
    const give = (number: bigint, of = issuer) =>
      change(world.registry, (transaction) => transaction.putCrlNumber(of.fingerprint, number));

    it('may be beyond the integers of JavaScript', async () => {
      await give(2n ** 62n + 1n);
      expect(await world.registry.crlNumber(issuer.fingerprint)).toBe(2n ** 62n + 1n);
    });

    it('only ever increase', async () => {
      await give(7n);
      await give(9n);
      for (const number of [9n, 8n]) await expect(give(number)).rejects.toHaveProperty('message');
      expect(await world.registry.crlNumber(issuer.fingerprint)).toBe(9n);
    });

    it('are counted for each issuer by itself', async () => {
      await give(7n);
      await give(1n, root);
      expect(await world.registry.crlNumber(root.fingerprint)).toBe(1n);
    });
  });

  describe('CRLs that are kept', () => {
    const keep = (...crls: CrlRecord[]) =>
      change(world.registry, async (transaction) => {
        for (const crl of crls) await transaction.keepCrl(crl);
      });

    it('are found by issuer and part, the latest of each', async () => {
      const { registry } = world;
      const shard = crl(8n, { part: 'shard-a3' });
      await keep(crl(7n), shard, crl(3n, { issuer: root.fingerprint }));
      await keep(crl(2n ** 62n + 1n));
      expect(await registry.keptCrl(issuer.fingerprint, 'full')).toEqual(crl(2n ** 62n + 1n));
      expect(await registry.keptCrl(issuer.fingerprint, 'shard-a3')).toEqual(shard);
      expect(await registry.keptCrl(issuer.fingerprint, 'delta')).toBeUndefined();
    });

    it('are listed without their bytes', async () => {
      await keep(crl(7n));
      const { der, ...rest } = crl(7n);
      expect(await world.registry.keptCrls()).toEqual([{ ...rest, bytes: der.length }]);
    });

    it('need no number, which somebody may have taken before', async () => {
      await keep(crl(7n));
      expect(await world.registry.crlNumber(issuer.fingerprint)).toBe(0n);
    });
  });

  describe('shardings', () => {
    it('are remembered, each once, from few to many', async () => {
      const { registry } = world;
      for (const shards of [256, 16, 256] as const)
        await change(registry, (transaction) => transaction.putCrlSharding(issuer.fingerprint, shards));
      expect(await registry.crlShardings(issuer.fingerprint)).toEqual([16, 256]);
      expect(await registry.crlShardings(root.fingerprint)).toEqual([]);
    });
  });
}
