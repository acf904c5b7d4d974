/** A device's certificate falls due: what each failure to renew leads to, online or not. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Failure } from '../../device-sim/contract/failure.ts';
import { type DeviceOptions, runDevice } from '../../device-sim/device/device.ts';
import { comingBack } from '../../device-sim/device/device-state.ts';
import type { RenewalOptions } from '../../device-sim/device/renewer.ts';
import { enrollIdentity } from '../../device-sim/identity/enroll-identity.ts';
import type { Identity } from '../../device-sim/identity/identity.ts';
import { memoryStorage } from '../../device-sim/identity/identity-storage.ts';
import type { RenewalKey } from '../../device-sim/identity/renew-identity.ts';
import {
  authority,
  device,
  failing,
  fakeSession,
  LONG_MS,
  names,
  notAuthorized,
  renewals,
  stop,
  transient,
  until,
  waits,
} from './support/scripted-device.ts';

describe('a certificate that is due when the device is not online', () => {
  const DAY_MS = 86_400_000;
  const order: string[] = [];
  beforeEach(() => {
    order.length = 0;
    authority.life = { renewAfter: 2 * LONG_MS, notAfter: 3 * LONG_MS };
  });

  /** Enrolled; by its clock the certificate is due, or has expired. */
  async function late(ahead: number, changes: Partial<DeviceOptions> = {}): Promise<DeviceOptions> {
    const storage = memoryStorage();
    const enrolled = await enrollIdentity({ ...device({ storage }), enroll: authority.enroll });
    const now = () => enrolled.renewAfter + ahead;
    const renewal: RenewalOptions = {
      key: 'new',
      renew: async (_identity, csr) => {
        order.push('renew');
        return authority.enroll(csr);
      },
      observe: (event) => renewals.push(event),
    };
    const connect = async (identity: Identity) => {
      order.push(identity.serialNumber === enrolled.serialNumber ? 'connect' : 'connect as renewed');
      return fakeSession();
    };
    return device({ storage, clock: { now }, renewal, connect, ...changes });
  }
  const refusing = (reason: Failure, key: RenewalKey = 'new'): RenewalOptions => ({
    key,
    renew: () => Promise.reject(reason),
    observe: (event) => renewals.push(event),
  });
  const revoked = new Failure('device_revoked', 'it is revoked', { retry: 'never' });

  it('is renewed before it connects', async () => {
    await runDevice(await late(1), stop.signal);
    expect(order).toEqual(['renew', 'connect as renewed']);
  });

  it('is not renewed where it is not due', async () => {
    await runDevice(await late(-1), stop.signal);
    expect(order).toEqual(['connect']);
  });

  it.each([
    ['unreachable', transient],
    ['unwilling', revoked],
  ])('does for now where the server is %s', async (_what, reason) => {
    const options = await late(1, { renewal: refusing(reason) });
    expect(await runDevice(options, stop.signal)).toBeUndefined();
    expect(order).toEqual(['connect']);
    expect(renewals.map(({ name }) => name)).toEqual(['renewing', 'renewal-failed']);
  });

  it('ends the device where the broker does not take it either, for the reason that enroll gave', async () => {
    const connect = () => Promise.reject(notAuthorized);
    const options = await late(1, { renewal: refusing(revoked), connect });
    expect(await runDevice(options, stop.signal)).toBe(revoked);
  });

  it('is asked for again and again once it has expired, and nothing else is tried', async () => {
    const renew = failing([transient, transient], authority.enroll);
    const options = await late(DAY_MS);
    const renewal: RenewalOptions = { ...options.renewal, renew: (_identity, csr) => renew(csr) };
    await runDevice({ ...options, renewal }, stop.signal);
    expect(waits.slice(0, 2)).toEqual([1_000, 2_000]);
    expect(order).toEqual(['connect as renewed']);
  });

  it('is not renewed for ever by a clock that is wrong', async () => {
    // What the server gives has expired already, as this clock has it.
    await runDevice(await late(365 * DAY_MS), stop.signal);
    expect(order).toEqual(['renew', 'connect as renewed']);
  });

  it('that fails for a reason that nobody foresaw is not taken for a failure of the server', async () => {
    const options = await late(1);
    const renew = () => Promise.reject(new TypeError('a bug'));
    await expect(
      runDevice({ ...options, renewal: { ...options.renewal, renew } }, stop.signal),
    ).rejects.toThrow('a bug');
  });
});

describe('a certificate that falls due while the device is online', () => {
  let now: number;
  /** When it is stopped at the latest. */
  let end: number;
  beforeEach(() => {
    now = Date.now();
    end = now + 20 * LONG_MS;
    authority.now = () => now;
    authority.life = { renewAfter: LONG_MS, notAfter: 2 * LONG_MS };
  });

  /** Works until it is told to leave, and stops on its third session. Time passes where somebody waits. */
  function renewing(renew: RenewalOptions['renew'], changes: Partial<DeviceOptions> = {}): DeviceOptions {
    let sessions = 0;
    return device({
      clock: { now: () => now },
      sleep: async (ms, signal) => {
        if (signal?.aborted) return;
        now += ms;
        waits.push(ms);
        if (now > end) stop.abort();
        await new Promise((resolve) => setImmediate(resolve));
      },
      renewal: { key: 'new', renew, observe: (event) => renewals.push(event) },
      occupation: async ({ signal }) => {
        sessions += 1;
        if (sessions === 3) stop.abort();
        await until(signal);
      },
      ...changes,
    });
  }

  it('is renewed, and the device comes back with the new one, without a wait', async () => {
    const renew: RenewalOptions['renew'] = async (_identity, csr) => authority.enroll(csr);
    expect(await runDevice(renewing(renew), stop.signal)).toBeUndefined();
    expect(names().filter((name) => name !== 'enrolling')).toEqual([
      ...['connecting', 'online', 'connecting', 'online', 'connecting', 'online', 'stopped'],
    ]);
    expect(renewals.map(({ name }) => name).slice(0, 4)).toEqual([
      ...['renewing', 'renewed', 'renewing', 'renewed'],
    ]);
  });

  it('tells whoever works why it is to leave', async () => {
    const reasons: unknown[] = [];
    const renew: RenewalOptions['renew'] = async (_identity, csr) => authority.enroll(csr);
    const occupation: DeviceOptions['occupation'] = async ({ signal }) => {
      await until(signal);
      reasons.push(signal.reason);
      stop.abort();
    };
    await runDevice(renewing(renew, { occupation }), stop.signal);
    expect(reasons).toEqual([comingBack]);
  });

  it('is asked for again after waits that leave room for more, until it has expired', async () => {
    const attempts: number[] = [];
    const renew: RenewalOptions['renew'] = async () => {
      attempts.push(now);
      throw transient;
    };
    end = now + 2 * LONG_MS;
    const slow = { base: 1_000, cap: 10 * LONG_MS, random: () => 1 };
    await runDevice(renewing(renew, { backoff: slow }), stop.signal);
    expect(attempts.length).toBeGreaterThan(10);
    for (const { delay } of renewals.flatMap((event) => (event.name === 'renewal-failed' ? [event] : []))) {
      expect(delay).toBeLessThanOrEqual(LONG_MS / 4);
    }
  });

  it('is not asked for again where the refusal is final and the device has no patience', async () => {
    let attempts = 0;
    const renew: RenewalOptions['renew'] = async () => {
      attempts += 1;
      throw new Failure('key_unsupported', 'not this kind', { retry: 'never' });
    };
    await runDevice(renewing(renew, { patience: null }), stop.signal);
    expect(attempts).toBe(1);
    expect(renewals.at(-1)).toMatchObject({ name: 'renewal-failed', delay: null });
  });
});
