/** Enrollment tokens: counted exactly, whoever comes at once. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { certificate, change, fingerprint, NOW, token } from '../samples.ts';
import type { World } from './world.ts';

export function describeTokens(world: World): void {
  const insert = (...tokens: ReturnType<typeof token>[]) =>
    change(world.registry, async (transaction) => {
      for (const each of tokens) await transaction.insertToken(each);
    });
  /** As an enrollment does: the certificate, then the use of the token that led to it. */
  const use = (tokenId: string, label: string) =>
    change(world.registry, async (transaction) => {
      const record = certificate(label);
      await transaction.insertCertificate(record);
      await transaction.recordTokenUse(tokenId, record.keyFingerprint, record.serialNumber);
    });

  describe('tokens', () => {
    it('are kept and listed newest first', async () => {
      const { registry } = world;
      const first = token('first', { device: 'lab-*' });
      const second = token('second', { createdAt: NOW + 1 });
      const third = token('third', { createdAt: NOW + 1 });
      await insert(first, second, third);
      expect(await registry.token('first')).toEqual(first);
      expect(await registry.token('none')).toBeUndefined();
      expect(await registry.tokens()).toEqual([third, second, first]);
    });

    it('keep the time of their first revocation', async () => {
      await insert(token('t'));
      for (const at of [NOW + 1, NOW + 2]) {
        await change(world.registry, (transaction) => transaction.revokeToken('t', at));
      }
      expect(await world.registry.token('t')).toMatchObject({ revokedAt: NOW + 1 });
    });

    it('cannot be revoked where there are none', async () => {
      await expect(
        change(world.registry, (transaction) => transaction.revokeToken('none', NOW)),
      ).rejects.toMatchObject({ code: 'token_unknown' });
    });
  });

  describe('using a token', () => {
    beforeEach(() => insert(token('twice', { maxUses: 2 }), token('many', { maxUses: 7 })));

    it('counts, and remembers the certificate for each key', async () => {
      const { registry } = world;
      await use('twice', 'one');
      expect(await registry.token('twice')).toMatchObject({ uses: 1 });
      const one = certificate('one');
      expect(await registry.tokenUse('twice', one.keyFingerprint)).toEqual(one);
      expect(await registry.tokenUse('twice', fingerprint('another key'))).toBeUndefined();
      expect(await registry.tokenUse('many', one.keyFingerprint)).toBeUndefined();
    });

    it('is refused once it is spent, and leaves nothing', async () => {
      const { registry } = world;
      await use('twice', 'one');
      await use('twice', 'two');
      await expect(use('twice', 'three')).rejects.toMatchObject({ code: 'token_spent' });
      expect(await registry.token('twice')).toMatchObject({ uses: 2 });
      expect(await registry.certificate(certificate('three').fingerprint)).toBeUndefined();
    });

    it('is refused for a token that does not exist', async () => {
      await expect(use('none', 'one')).rejects.toMatchObject({ code: 'token_unknown' });
    });

    it('is refused a second time for the same key, and not counted', async () => {
      const { registry } = world;
      await use('twice', 'one');
      const renewed = { ...certificate('renewed'), keyFingerprint: certificate('one').keyFingerprint };
      await expect(
        change(registry, async (transaction) => {
          await transaction.insertCertificate(renewed);
          await transaction.recordTokenUse('twice', renewed.keyFingerprint, renewed.serialNumber);
        }),
      ).rejects.toHaveProperty('message');
      expect(await registry.token('twice')).toMatchObject({ uses: 1 });
      expect(await registry.tokenUse('twice', renewed.keyFingerprint)).toEqual(certificate('one'));
    });

    it('succeeds exactly as often as it may when fifty come at once', async () => {
      const attempts = await Promise.allSettled(
        Array.from({ length: 50 }, (_, index) => use('many', `device ${index}`)),
      );
      const refusals = attempts.filter((attempt) => attempt.status === 'rejected');
      expect(refusals).toHaveLength(43);
      for (const { reason } of refusals) expect(reason).toMatchObject({ code: 'token_spent' });
      expect(await world.registry.token('many')).toMatchObject({ uses: 7 });
    });
  });
}
