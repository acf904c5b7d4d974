/** How far the fleet has moved: who counts, who is known to be on the active issuing CA, and who depends on another. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CertificateRecord, IssuerRecord } from '../../../registry/records.ts';
import { certificate, change, device, deviceId, fingerprint, issuer, NOW, name, serial } from '../samples.ts';
import type { World } from './world.ts';

const DAY = 86_400_000;
const next = { ...issuer, fingerprint: fingerprint('next'), serialNumber: serial('next') };
const other = { ...issuer, fingerprint: fingerprint('other'), serialNumber: serial('other') };
const gone = { ...issuer, fingerprint: fingerprint('gone'), serialNumber: serial('gone') };

/** `issuer` and `other` are retiring, `gone` is retired, `next` is active. */
export function describeFleetProgress(world: World): void {
  const add = async (id: string, ...certificates: Partial<CertificateRecord>[]) => {
    await change(world.registry, async (transaction) => {
      await transaction.insertDevice(device(id, id.startsWith('grace') ? { group: name('graceful') } : {}));
      for (const [index, terms] of certificates.entries()) {
        await transaction.insertCertificate(
          certificate(`${id} ${index}`, { device: deviceId(id), ...terms }),
        );
      }
    });
  };
  const progress = (of: IssuerRecord = issuer, limit = 100, after?: string) =>
    world.registry.fleetProgress({
      issuer: of.fingerprint,
      now: NOW,
      limit,
      ...(after === undefined ? {} : { after: deviceId(after) }),
    });
  const dependents = (of: IssuerRecord = issuer, limit = 100, after?: string) =>
    world.registry.dependents({
      issuer: of.fingerprint,
      now: NOW,
      limit,
      ...(after === undefined ? {} : { after: deviceId(after) }),
    });
  const counted = async (id: string, of?: IssuerRecord) => {
    const { devices, moved, dependents: depends } = await progress(of);
    expect(await dependents(of)).toEqual(depends === 1 ? [id] : []);
    return { devices, moved, depends };
  };
  const on = (of: IssuerRecord) => ({ issuer: of.fingerprint });
  const ended = { revokedAt: NOW, reason: 'superseded' } as const;

  describe('the progress of the fleet', () => {
    beforeEach(() =>
      change(world.registry, async (transaction) => {
        await transaction.setIssuerStatus(issuer.fingerprint, 'retiring', NOW);
        for (const [{ retiredAt: _never, ...record }, status] of [
          [next, 'active'],
          [other, 'retiring'],
          [gone, 'retiring'],
        ] as const) {
          await transaction.insertIssuer({ ...record, status });
        }
        await transaction.setIssuerStatus(gone.fingerprint, 'retired', NOW);
        const [profile, policy] = [name('device'), name('device')];
        await transaction.putGroup({
          ...{
            name: name('graceful'),
            description: '',
            profile,
            policy,
            renewalGrace: DAY,
            approval: 'none',
          },
        });
      }),
    );

    it('is nothing where there is no device', async () => {
      expect(await progress()).toEqual({ devices: 0, moved: 0, dependents: 0, last: null });
      expect(await dependents()).toEqual([]);
    });

    it('has not begun for a device with nothing but the old one', async () => {
      await add('pump', on(issuer));
      expect(await counted('pump')).toEqual({ devices: 1, moved: 0, depends: 1 });
      expect(await counted('pump', other)).toEqual({ devices: 1, moved: 0, depends: 0 });
    });

    it('is done for a device that enrolled with the new one', async () => {
      await add('pump', on(next));
      expect(await counted('pump')).toEqual({ devices: 1, moved: 1, depends: 0 });
    });

    it('does not count a renewal that may never have arrived', async () => {
      await add('pump', on(issuer), { ...on(next), renews: serial('pump 0') });
      expect(await counted('pump')).toEqual({ devices: 1, moved: 0, depends: 1 });
    });

    it('counts it once it was used, even before the old one is superseded', async () => {
      await add('pump', on(issuer), { ...on(next), renews: serial('pump 0'), firstUsedAt: NOW });
      expect(await counted('pump')).toEqual({ devices: 1, moved: 1, depends: 0 });
    });

    it('is done where the old one is superseded', async () => {
      await add(
        'pump',
        { ...on(issuer), status: 'superseded', ...ended },
        { ...on(next), renews: serial('pump 0'), firstUsedAt: NOW },
      );
      expect(await counted('pump')).toEqual({ devices: 1, moved: 1, depends: 0 });
    });

    it('keeps in mind who is suspended, and would find no way back', async () => {
      await add('pump', { ...on(issuer), status: 'suspended', ...ended });
      expect(await counted('pump')).toEqual({ devices: 1, moved: 0, depends: 1 });
    });

    it('does not count who is revoked', async () => {
      await add('pump', { ...on(issuer), status: 'revoked', ...ended });
      expect(await counted('pump')).toEqual({ devices: 0, moved: 0, depends: 0 });
    });

    it.each([
      ['pump', 0, 1],
      ['pump', 1, 0],
      ['graceful-pump', DAY, 1],
      ['graceful-pump', DAY + 1, 0],
    ])('%s, expired for %d ms: %d may still come', async (id, since, devices) => {
      await add(id, { ...on(issuer), notBefore: NOW - 9 * DAY, notAfter: NOW - since });
      expect(await counted(id)).toEqual({ devices, moved: 0, depends: devices });
    });

    it('needs no device that another retiring issuer holds as well', async () => {
      await add('pump', on(issuer), on(other));
      expect(await counted('pump')).toEqual({ devices: 1, moved: 0, depends: 0 });
    });

    it('counts nothing of a retired issuer', async () => {
      await add('pump', on(gone));
      expect(await counted('pump')).toEqual({ devices: 0, moved: 0, depends: 0 });
      await add('valve', on(issuer), on(gone));
      expect(await counted('valve')).toEqual({ devices: 1, moved: 0, depends: 1 });
    });

    it('knows nothing of the certificates of listeners', async () => {
      await change(world.registry, (transaction) => transaction.insertCertificate(certificate('server')));
      expect(await progress()).toMatchObject({ devices: 0 });
    });

    it('is counted on from where it stopped', async () => {
      for (const id of ['a', 'b', 'c']) await add(id, on(issuer), on(issuer));
      await add('d', on(next));
      expect(await progress(issuer, 2)).toEqual({ devices: 2, moved: 0, dependents: 2, last: 'b' });
      expect(await progress(issuer, 2, 'b')).toEqual({ devices: 2, moved: 1, dependents: 1, last: 'd' });
      expect(await dependents(issuer, 2)).toEqual(['a', 'b']);
      expect(await dependents(issuer, 2, 'b')).toEqual(['c']);
    });
  });
}
