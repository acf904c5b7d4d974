/** The status of a certificate: what it may turn into, and who is told of it. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CertificateRecord } from '../../../registry/records.ts';
import { certificate, change, issuer, NOW, root, serial } from '../samples.ts';
import { certificateChanges } from './certificate-changes.ts';
import type { World } from './world.ts';

export function describeCertificateStatus(world: World): void {
  const { insert, setStatus } = certificateChanges(world);

  describe('the status of a certificate', () => {
    const record = certificate('one');
    beforeEach(() => insert(record));
    const stored = () => world.registry.certificate(record.fingerprint);

    it('keeps time and reason while it is suspended, and drops them when it is active again', async () => {
      await setStatus(record, 'suspended', NOW + 1);
      expect(await stored()).toEqual({
        ...record,
        status: 'suspended',
        statusSeq: expect.any(Number),
        revokedAt: NOW + 1,
        reason: 'certificateHold',
      });
      await setStatus(record, 'active', NOW + 2);
      expect(await stored()).toEqual({ ...record, statusSeq: expect.any(Number) });
    });

    it('keeps the reason of a revocation, or that there was none', async () => {
      await setStatus(record, 'revoked', NOW + 1, 'keyCompromise');
      expect(await stored()).toMatchObject({
        status: 'revoked',
        revokedAt: NOW + 1,
        reason: 'keyCompromise',
      });
      const other = certificate('other');
      await insert(other);
      await setStatus(other, 'revoked', NOW + 1);
      expect(await world.registry.certificate(other.fingerprint)).toMatchObject({ reason: 'unspecified' });
    });

    it.each(['active', 'superseded', 'suspended'] as const)(
      'does not go from revoked to %s',
      async (status) => {
        await setStatus(record, 'revoked', NOW, 'keyCompromise');
        await expect(setStatus(record, status, NOW)).rejects.toHaveProperty('message');
        expect(await stored()).toMatchObject({ status: 'revoked', reason: 'keyCompromise' });
      },
    );

    it('is set for all of the serial numbers or for none', async () => {
      const { registry } = world;
      await expect(
        change(registry, (transaction) =>
          transaction.setCertificateStatus([record.serialNumber, serial('none')], 'revoked', NOW),
        ),
      ).rejects.toHaveProperty('message');
      expect(await stored()).toEqual(record);
    });
  });

  describe('a change of status', () => {
    const NONE = undefined;
    const since = (seq: number, of = issuer) => world.registry.statusChange(of.fingerprint, seq);

    it('is told of since the row of the journal that came with it, by issuer', async () => {
      const [one, foreign] = [certificate('one'), certificate('foreign', { issuer: root.fingerprint })];
      await insert(one, foreign);
      const before = await world.registry.journalHead();
      expect(await since(0)).toBe(NONE);
      await setStatus(one, 'revoked', NOW);
      expect((await world.registry.certificateBySerial(one.serialNumber))?.statusSeq).toBe(before + 1);
      expect([await since(before), await since(before + 1)]).toEqual(['urgent', NONE]);
      expect(await since(0, root)).toBe(NONE);
    });

    it('is urgent for all but those that were superseded', async () => {
      const records = ['a', 'b'].map((label) => certificate(label));
      const [a, b] = records as [CertificateRecord, CertificateRecord];
      await insert(a, b);
      const at = [];
      for (const [record, status] of [
        [a, 'superseded'],
        [b, 'suspended'],
        [b, 'active'],
        [a, 'superseded'],
      ] as const) {
        at.push(await world.registry.journalHead());
        await setStatus(record, status, NOW);
      }
      expect(await Promise.all(at.map((seq) => since(seq)))).toEqual([
        'urgent',
        'urgent',
        'urgent',
        'superseded',
      ]);
    });

    it('is told of a certificate that is recorded as one that does not stand', async () => {
      const before = await world.registry.journalHead();
      await insert(certificate('imported', { status: 'revoked', revokedAt: NOW, reason: 'keyCompromise' }));
      expect([await since(before), await since(before + 1)]).toEqual(['urgent', NONE]);
    });
  });
}
