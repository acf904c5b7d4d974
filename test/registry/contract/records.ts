/** Groups, policies, profiles, issuers, CRLs, operators and blocked keys: kept and found again. */
import { describe, expect, it } from '@jest/globals';
import type { DocumentRecord } from '../../../registry/records.ts';
import { change, fingerprint, issuer, NOW, name, operator } from '../samples.ts';
import type { World } from './world.ts';

export function describeRecords(world: World): void {
  describe('looking up what is not there', () => {
    it('answers undefined, nothing or no, and never throws', async () => {
      const { registry } = world;
      expect(await registry.group(name('none'))).toBeUndefined();
      expect(await registry.policy(name('none'))).toBeUndefined();
      expect(await registry.profile(name('none'))).toBeUndefined();
      expect(await registry.issuer(fingerprint('none'))).toBeUndefined();
      expect(await registry.keptCrl(issuer.fingerprint, 'full')).toBeUndefined();
      expect(await registry.crlNumber(issuer.fingerprint)).toBe(0n);
      expect(await registry.crlShardings(issuer.fingerprint)).toEqual([]);
      expect(await registry.operatorByTokenId('none')).toBeUndefined();
      expect(await registry.operators()).toEqual([]);
      expect(await registry.isKeyBlocked(fingerprint('none'))).toBe(false);
    });
  });

  describe('groups', () => {
    const services = {
      name: name('services'),
      description: 'Back ends',
      profile: name('device'),
      policy: name('device'),
      renewalGrace: 30 * 86_400_000,
      approval: 'none' as const,
    };

    it('are kept, replaced under their name, and listed by it', async () => {
      const { registry } = world;
      await change(registry, (transaction) => transaction.putGroup(services));
      await change(registry, (transaction) => transaction.putGroup({ ...services, description: 'Changed' }));
      expect(await registry.group(services.name)).toEqual({ ...services, description: 'Changed' });
      expect((await registry.groups()).map((group) => group.name)).toEqual(['default', 'services']);
    });

    it('are refused with a grace below zero', async () => {
      const broken = { ...services, renewalGrace: -1 };
      await expect(
        change(world.registry, (transaction) => transaction.putGroup(broken)),
      ).rejects.toHaveProperty('message');
    });

    it.each(['policy', 'profile'])('are refused with a %s that does not exist', async (field) => {
      const broken = { ...services, [field]: name('none') };
      await expect(
        change(world.registry, (transaction) => transaction.putGroup(broken)),
      ).rejects.toHaveProperty('message');
      expect(await world.registry.group(services.name)).toBeUndefined();
    });
  });

  describe('policies and profiles', () => {
    const first: DocumentRecord = { name: name('reader'), document: '{"publish":[]}', changedAt: NOW };
    const second: DocumentRecord = { ...first, document: '{"publish":["x"]}', changedAt: NOW + 1 };

    it('are kept apart, replaced under their name, and listed by it', async () => {
      const { registry } = world;
      await change(registry, (transaction) => transaction.putPolicy(first));
      await change(registry, (transaction) => transaction.putPolicy(second));
      await change(registry, (transaction) => transaction.putProfile(first));
      expect(await registry.policy(first.name)).toEqual(second);
      expect(await registry.profile(first.name)).toEqual(first);
      expect((await registry.policies()).map((policy) => policy.name)).toEqual(['device', 'reader']);
      expect((await registry.profiles()).map((profile) => profile.name)).toEqual(['device', 'reader']);
    });
  });

  describe('operators', () => {
    it('are found by the id of their token until they are removed', async () => {
      const { registry } = world;
      const admin = operator('admin');
      await change(registry, (transaction) => transaction.insertOperator(admin));
      expect(await registry.operatorByTokenId(admin.tokenId)).toEqual(admin);
      expect(await registry.operators()).toEqual([admin]);
      await change(registry, (transaction) => transaction.removeOperator(admin.name));
      expect(await registry.operatorByTokenId(admin.tokenId)).toBeUndefined();
    });

    it('are refused under a name that is taken', async () => {
      const { registry } = world;
      await change(registry, (transaction) => transaction.insertOperator(operator('admin')));
      const second = operator('admin', { tokenId: 'another' });
      await expect(
        change(registry, (transaction) => transaction.insertOperator(second)),
      ).rejects.toMatchObject({ code: 'operator_exists' });
      expect(await registry.operatorByTokenId('another')).toBeUndefined();
    });

    it('are refused with the token id of another', async () => {
      const { registry } = world;
      const first = operator('first');
      await change(registry, (transaction) => transaction.insertOperator(first));
      const second = operator('second', { tokenId: first.tokenId });
      await expect(
        change(registry, (transaction) => transaction.insertOperator(second)),
      ).rejects.toHaveProperty('message');
      expect(await registry.operatorByTokenId(first.tokenId)).toEqual(first);
    });

    it('cannot be removed where there are none', async () => {
      await expect(
        change(world.registry, (transaction) => transaction.removeOperator(name('nobody'))),
      ).rejects.toMatchObject({ code: 'operator_unknown' });
    });
  });

  describe('blocked keys', () => {
    it('stay blocked, however often they are blocked', async () => {
      const { registry } = world;
      const key = fingerprint('stolen');
      for (const note of ['first', 'second']) {
        await change(registry, (transaction) => transaction.blockKey(key, note, NOW));
      }
      expect(await registry.isKeyBlocked(key)).toBe(true);
      expect(await registry.blockedKey(key)).toMatchObject({ keyFingerprint: key });
      expect(await registry.blockedKey(fingerprint('other'))).toBeUndefined();
      expect(await registry.isKeyBlocked(fingerprint('other'))).toBe(false);
    });

    it('are listed page by page, in the order of their fingerprints', async () => {
      const { registry } = world;
      const records = ['a', 'b', 'c'].map((label) => ({
        keyFingerprint: fingerprint(label),
        note: label,
        blockedAt: NOW,
      }));
      await change(registry, async (transaction) => {
        for (const { keyFingerprint, note } of records) await transaction.blockKey(keyFingerprint, note, NOW);
      });
      const sorted = records.toSorted((one, other) => (one.keyFingerprint < other.keyFingerprint ? -1 : 1));
      expect(await registry.blockedKeys({ limit: 10 })).toEqual(sorted);
      const [first] = await registry.blockedKeys({ limit: 1 });
      expect(first).toEqual(sorted[0]);
      expect(
        await registry.blockedKeys({ after: first?.keyFingerprint ?? fingerprint(''), limit: 1 }),
      ).toEqual([sorted[1]]);
    });

    it('are blocked no more once they are unblocked, and only those that were can be', async () => {
      const { registry } = world;
      const key = fingerprint('a mistake');
      await change(registry, (transaction) => transaction.blockKey(key, '', NOW));
      await change(registry, (transaction) => transaction.unblockKey(key));
      expect(await registry.isKeyBlocked(key)).toBe(false);
      await expect(change(registry, (transaction) => transaction.unblockKey(key))).rejects.toMatchObject({
        code: 'key_not_blocked',
      });
    });
  });
}
