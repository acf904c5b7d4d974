/** Certificates: unique for ever, known by what they renew and when they were used, revoked for good. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CertificateRecord } from '../../../registry/records.ts';
import { certificate, change, device, deviceId, fingerprint, NOW, serial } from '../samples.ts';
import { certificateChanges } from './certificate-changes.ts';
import type { World } from './world.ts';

export function describeCertificates(world: World): void {
  const pump = device('pump', { attributes: { site: 'north' } });
  const { insert, setStatus } = certificateChanges(world);

  describe('certificates', () => {
    beforeEach(() => change(world.registry, (transaction) => transaction.insertDevice(pump)));

    it('are found by fingerprint and by serial number', async () => {
      const { registry } = world;
      const record = certificate('one', { device: pump.id });
      await insert(record);
      expect(await registry.certificate(record.fingerprint)).toEqual(record);
      expect(await registry.certificateBySerial(record.serialNumber)).toEqual(record);
      expect(await registry.certificate(fingerprint('none'))).toBeUndefined();
      expect(await registry.certificateBySerial(serial('none'))).toBeUndefined();
    });

    it('tell whether they stand, by serial number', async () => {
      const { registry } = world;
      const record = certificate('one', { device: pump.id });
      const { serialNumber, issuer: issuedBy, issuedAt } = record;
      const standing = { issuer: issuedBy, issuedAt, status: 'active', revokedAt: null, reason: null };
      await insert(record);
      expect(await registry.statusRecord(serialNumber)).toEqual(standing);
      await setStatus(record, 'suspended', NOW);
      const held = { ...standing, status: 'suspended', revokedAt: NOW, reason: 'certificateHold' };
      expect(await registry.statusRecord(serialNumber)).toEqual(held);
      expect(await registry.statusRecord(serial('none'))).toBeUndefined();
    });

    it('are listed for their device, newest first', async () => {
      const old = certificate('old', { device: pump.id });
      const newer = certificate('newer', { device: pump.id, issuedAt: NOW + 1 });
      const newest = certificate('newest', { device: pump.id, issuedAt: NOW + 1 });
      await insert(old, newer, newest, certificate('server'));
      expect(await world.registry.certificatesOf(pump.id)).toEqual([newest, newer, old]);
      expect(await world.registry.certificatesOf(deviceId('none'))).toEqual([]);
    });

    it('are listed up to the newest hundred', async () => {
      await insert(
        ...Array.from({ length: 101 }, (_, at) =>
          certificate(`listed-${at}`, { device: pump.id, issuedAt: NOW + at }),
        ),
      );
      const listed = await world.registry.certificatesOf(pump.id);
      expect([listed.length, listed.at(-1)?.issuedAt]).toEqual([100, NOW + 1]);
    });

    it('are to be revoked with their device while they stand, or are superseded and in time', async () => {
      const ended = (status: 'suspended' | 'superseded' | 'revoked') =>
        ({ status, revokedAt: NOW, reason: 'unspecified' }) as const;
      const of = (label: string, fields: Partial<CertificateRecord>) =>
        certificate(label, { device: pump.id, notAfter: NOW, ...fields });
      const revocable = [
        of('active', { notAfter: NOW - 1 }),
        of('suspended', { ...ended('suspended'), notAfter: NOW - 1 }),
        of('superseded', ended('superseded')),
      ];
      await insert(
        ...revocable,
        of('superseded and expired', { ...ended('superseded'), notAfter: NOW - 1 }),
        of('revoked', ended('revoked')),
        certificate('server'),
      );
      expect(await world.registry.revocableCertificates(pump.id, NOW)).toEqual(
        revocable.map((record) => ({
          ...record,
          statusSeq: record.status === 'active' ? null : expect.any(Number),
        })),
      );
    });

    it('tell when their device was given the first of them', async () => {
      const { registry } = world;
      expect(await registry.enrolledAt(pump.id)).toBeUndefined();
      await insert(certificate('newer', { device: pump.id, issuedAt: NOW + 1 }));
      await insert(
        certificate('first', { device: pump.id, issuedAt: NOW }),
        certificate('server', { issuedAt: 1 }),
      );
      expect(await registry.enrolledAt(pump.id)).toBe(NOW);
    });

    it('tell when their device was given the nth from the newest', async () => {
      const { registry } = world;
      await insert(
        ...[3, 1, 2].map((at) => certificate(`issued-${at}`, { device: pump.id, issuedAt: NOW + at })),
        certificate('server', { issuedAt: NOW + 9 }),
      );
      const found = await Promise.all([1, 2, 3, 4].map((nth) => registry.issuedAt(pump.id, nth)));
      expect(found).toEqual([NOW + 3, NOW + 2, NOW + 1, undefined]);
    });

    it('know which certificate they renew, and when they were first used', async () => {
      const { registry } = world;
      const old = certificate('old', { device: pump.id });
      const record = certificate('one', { device: pump.id, renews: old.serialNumber });
      await insert(old, record);
      expect(await registry.certificate(record.fingerprint)).toEqual(record);
      for (const at of [NOW + 1, NOW + 2]) {
        await change(registry, (transaction) => transaction.recordFirstUse(record.serialNumber, at));
      }
      expect(await registry.certificate(record.fingerprint)).toEqual({ ...record, firstUsedAt: NOW + 1 });
      expect(await registry.certificate(old.fingerprint)).toEqual(old);
    });

    it('are told apart that renew another and were never used', async () => {
      const { registry } = world;
      const old = certificate('old', { device: pump.id });
      const renewals = ['used', 'superseded', 'unused'].map((label) =>
        certificate(label, { device: pump.id, renews: old.serialNumber }),
      );
      await insert(old, ...renewals);
      await change(registry, (transaction) => transaction.recordFirstUse(serial('used'), NOW));
      await setStatus(certificate('superseded'), 'superseded', NOW);
      expect(await registry.unusedRenewals(pump.id)).toEqual([renewals[2]]);
      expect(await registry.unusedRenewals(deviceId('none'))).toEqual([]);
    });

    it('are refused as renewals of a certificate that does not exist', async () => {
      const record = certificate('one', { renews: serial('none') });
      await expect(insert(record)).rejects.toHaveProperty('message');
      expect(await world.registry.certificate(record.fingerprint)).toBeUndefined();
    });

    it('that do not exist are not used', async () => {
      await expect(
        change(world.registry, (transaction) => transaction.recordFirstUse(serial('none'), NOW)),
      ).rejects.toHaveProperty('message');
    });

    it.each(['serialNumber', 'fingerprint'] as const)('never share their %s', async (field) => {
      const first = certificate('first');
      await insert(first);
      await setStatus(first, 'superseded', NOW);
      const second = { ...certificate('second'), [field]: first[field] };
      await expect(insert(second)).rejects.toHaveProperty('message');
      expect(await world.registry.certificatesOf(pump.id)).toEqual([]);
      expect(await world.registry.keyOwner(second.keyFingerprint)).toBeUndefined();
    });

    it.each([
      ['a device', { device: deviceId('none') }],
      ['an issuer', { issuer: fingerprint('none') }],
    ])('are refused with %s that the registry does not know', async (_what, unknown) => {
      const record = certificate('one', unknown);
      await expect(insert(record)).rejects.toHaveProperty('message');
      expect(await world.registry.certificate(record.fingerprint)).toBeUndefined();
    });

    it('tell whose a key is, or ever was', async () => {
      const { registry } = world;
      const server = certificate('server');
      const old = certificate('old', { device: pump.id });
      await insert(server, old);
      await setStatus(old, 'superseded', NOW);
      expect(await registry.keyOwner(old.keyFingerprint)).toBe(pump.id);
      expect(await registry.keyOwner(server.keyFingerprint)).toBeUndefined();
      expect(await registry.keyOwner(fingerprint('none'))).toBeUndefined();
    });
  });

  describe('a key', () => {
    it('is compromised from when a certificate for it is revoked for that, and for no other reason', async () => {
      const { registry } = world;
      const [leaked, lost, held] = [certificate('leaked'), certificate('lost'), certificate('held')];
      await insert(leaked, lost, held);
      await setStatus(leaked, 'revoked', NOW, 'keyCompromise');
      await setStatus(lost, 'revoked', NOW, 'cessationOfOperation');
      await setStatus(held, 'suspended', NOW);
      expect(
        await Promise.all([leaked, lost, held].map((one) => registry.isKeyCompromised(one.keyFingerprint))),
      ).toEqual([true, false, false]);
    });
  });
}
