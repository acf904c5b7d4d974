/** A device's life as a state machine: what each failure leads to, and what no failure may lead to. */
import { once } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseDeviceId } from '../../core/ids.ts';
import { connectionLost, Failure } from '../../device-sim/contract/failure.ts';
import type { Session } from '../../device-sim/contract/mqtt-session.ts';
import { patientBackoff } from '../../device-sim/device/backoff.ts';
import { type DeviceOptions, runDevice } from '../../device-sim/device/device.ts';
import { comingBack, type DeviceState } from '../../device-sim/device/device-state.ts';
import type { RenewalEvent, RenewalOptions } from '../../device-sim/device/renewer.ts';
import { enrollIdentity } from '../../device-sim/identity/enroll-identity.ts';
import type { Identity } from '../../device-sim/identity/identity.ts';
import { memoryStorage } from '../../device-sim/identity/identity-storage.ts';
import type { RenewalKey } from '../../device-sim/identity/renew-identity.ts';
import { type Authority, createAuthority } from './support/authority.ts';

let authority: Authority;
let stop: AbortController;
let states: DeviceState[];
let waits: number[];
let renewals: RenewalEvent[];

beforeEach(async () => {
  authority = await createAuthority();
  stop = new AbortController();
  states = [];
  waits = [];
  renewals = [];
});

/** Longer than any wait after a failure: what is waited for is that renewal is due. */
const LONG_MS = 1_800_000;

async function until(signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === false) await once(signal, 'abort');
}

const transient = new Failure('server_unreachable', 'not there', { retry: 'soon' });
const busy = new Failure('rate_limited', 'slower', { retry: 'soon', retryAfter: 30_000 });
const final = new Failure('mqtt_identifier_rejected', 'CONNACK 2', { retry: 'never' });
const notAuthorized = new Failure('mqtt_not_authorized', 'CONNACK 5', { retry: 'later' });

/** A session that lives until `lose` is called or it is ended. */
function fakeSession(): Session & { lose(): void; ended: boolean } {
  let lose = () => {};
  const closed = new Promise<void>((resolve) => {
    lose = resolve;
  });
  const session = {
    publish: async () => {},
    subscribe: async () => {},
    onMessage: () => {},
    isResumed: false,
    closed,
    lose,
    ended: false,
    drop: lose,
    tls: { resumed: false, ticket: () => undefined },
    async end() {
      session.ended = true;
      lose();
    },
  };
  return session;
}

/** A device for which all goes well and that stops once it is online, save for what `changes` says. */
function device(changes: Partial<DeviceOptions> = {}): DeviceOptions {
  return {
    storage: memoryStorage(),
    requestedId: parseDeviceId('press-7'),
    keyType: 'ec-p256',
    enroll: authority.enroll,
    renewal: {
      key: 'new',
      renew: (_identity, csr) => authority.enroll(csr),
      observe: (event) => renewals.push(event),
    },
    connect: async () => fakeSession(),
    occupation: async () => stop.abort(),
    backoff: { base: 1_000, cap: 60_000, random: () => 1 },
    patience: { ...patientBackoff, random: () => 1 },
    clock: { now: Date.now },
    sleep: async (ms, signal) => {
      if (ms >= LONG_MS) return until(signal);
      waits.push(ms);
    },
    maxFailures: Number.POSITIVE_INFINITY,
    observe: (state) => states.push(state),
    ...changes,
  };
}

/** Fails with each of `failures` in turn, then does `work`. */
function failing<Arguments extends unknown[], Result>(
  failures: readonly Failure[],
  work: (...values: Arguments) => Promise<Result>,
): (...values: Arguments) => Promise<Result> {
  const remaining = [...failures];
  return async (...values) => {
    const failure = remaining.shift();
    if (failure !== undefined) throw failure;
    return work(...values);
  };
}

const names = () => states.map(({ name }) => name);

describe('a new device', () => {
  it('enrolls, connects, works, and stops when asked', async () => {
    expect(await runDevice(device(), stop.signal)).toBeUndefined();
    expect(names()).toEqual(['enrolling', 'connecting', 'online', 'stopped']);
  });

  it('ends its session in good order when it stops', async () => {
    const session = fakeSession();
    await runDevice(device({ connect: async () => session }), stop.signal);
    expect(session.ended).toBe(true);
  });
});

describe('a device that has its identity', () => {
  it('connects without enrolling again', async () => {
    const storage = memoryStorage();
    const options = device({ storage });
    await enrollIdentity({ ...options, enroll: authority.enroll });
    const enroll = async () => Promise.reject(new Error('must not be called'));
    expect(await runDevice({ ...options, enroll }, stop.signal)).toBeUndefined();
    expect(names()).toEqual(['connecting', 'online', 'stopped']);
  });

  it('does not act under a name that its state does not have', async () => {
    const storage = memoryStorage();
    const options = device({ storage });
    await enrollIdentity({ ...options, enroll: authority.enroll });
    const refusal = await runDevice({ ...options, requestedId: parseDeviceId('press-8') }, stop.signal);
    expect(refusal?.code).toBe('state_invalid');
  });
});

describe('when enrollment fails', () => {
  it('tries again after waits that grow, with one key in all', async () => {
    const enroll = failing([transient, transient, transient], authority.enroll);
    expect(await runDevice(device({ enroll }), stop.signal)).toBeUndefined();
    expect(waits).toEqual([1_000, 2_000, 4_000]);
    expect([...authority.issued.values()]).toEqual([1]);
  });

  it('waits at least as long as the server asked', async () => {
    await runDevice(device({ enroll: failing([busy], authority.enroll) }), stop.signal);
    expect(waits).toEqual([31_000]);
  });

  it('ends at once where the refusal is final', async () => {
    const spent = new Failure('token_spent', 'spent', { retry: 'never' });
    expect(await runDevice(device({ enroll: failing([spent], authority.enroll) }), stop.signal)).toBe(spent);
    expect(waits).toEqual([]);
  });

  it('gives up after as many failures in a row as it is allowed', async () => {
    const enroll = async () => Promise.reject(transient);
    expect(await runDevice(device({ enroll, maxFailures: 3 }), stop.signal)).toBe(transient);
    expect(waits).toHaveLength(2);
  });
});

describe('when the broker refuses', () => {
  it('does not hammer: a final refusal ends it', async () => {
    let attempts = 0;
    const connect = async () => {
      attempts += 1;
      throw final;
    };
    expect(await runDevice(device({ connect }), stop.signal)).toBe(final);
    expect(attempts).toBe(1);
  });

  it('knocks ever more rarely where an operator may let it back, and comes back when one does', async () => {
    const connect = failing(Array(8).fill(notAuthorized), async () => fakeSession());
    expect(await runDevice(device({ connect }), stop.signal)).toBeUndefined();
    expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
    expect(names().slice(-3)).toEqual(['connecting', 'online', 'stopped']);
  });

  it('takes that for final too where it is to have no patience', async () => {
    const connect = async () => Promise.reject(notAuthorized);
    expect(await runDevice(device({ connect, patience: null, maxFailures: 5 }), stop.signal)).toBe(
      notAuthorized,
    );
    expect(waits).toEqual([]);
  });

  it('comes back where the refusal may pass', async () => {
    const connect = failing([transient], async () => fakeSession());
    expect(await runDevice(device({ connect }), stop.signal)).toBeUndefined();
    expect(names()).toEqual(['enrolling', 'connecting', 'waiting', 'connecting', 'online', 'stopped']);
  });
});

describe('when a live session is lost', () => {
  /** Loses `times` sessions, each after `lasting` milliseconds by the device's clock, then stops. */
  function losing(times: number, lasting: number): DeviceOptions {
    let now = Date.now();
    let lost = 0;
    return device({
      clock: { now: () => now },
      occupation: async ({ session }) => {
        if (lost === times) return stop.abort();
        lost += 1;
        now += lasting;
        await session.end();
        throw connectionLost('the broker');
      },
    });
  }

  it('reconnects with the same identity', async () => {
    expect(await runDevice(losing(1, 0), stop.signal)).toBeUndefined();
    expect(names()).toEqual([
      'enrolling',
      'connecting',
      'online',
      'waiting',
      'connecting',
      'online',
      'stopped',
    ]);
    expect([...authority.issued.values()]).toEqual([1]);
  });

  it('waits longer each time while sessions do not last', async () => {
    await runDevice(losing(3, 100), stop.signal);
    expect(waits).toEqual([1_000, 2_000, 4_000]);
  });

  it('begins with a short wait again after a session that lasted', async () => {
    await runDevice(losing(3, 60_000), stop.signal);
    expect(waits).toEqual([1_000, 1_000, 1_000]);
  });

  it('learns on the way back that it is refused for good, and ends', async () => {
    let connects = 0;
    const connect = async () => {
      connects += 1;
      if (connects > 1) throw final;
      return fakeSession();
    };
    const occupation: DeviceOptions['occupation'] = async ({ session }) => session.end();
    expect(await runDevice(device({ connect, occupation }), stop.signal)).toBe(final);
  });

  it('tells its occupation, which may be waiting', async () => {
    const session = fakeSession();
    const refuseSecond = failing([], async () => session);
    let aborted = false;
    const occupation: DeviceOptions['occupation'] = ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          stop.abort();
          resolve();
        });
        session.lose();
      });
    await runDevice(device({ connect: refuseSecond, occupation }), stop.signal);
    expect(aborted).toBe(true);
  });
});

describe('when stopped', () => {
  it('while it waits, it does not try again', async () => {
    const enroll = async () => Promise.reject(transient);
    const sleep = async () => stop.abort();
    expect(await runDevice(device({ enroll, sleep }), stop.signal)).toBeUndefined();
    expect(names()).toEqual(['enrolling', 'waiting', 'enrolling', 'stopped']);
  });

  it('while it enrolls, that is no failure', async () => {
    const enroll = async () => {
      stop.abort();
      throw final;
    };
    expect(await runDevice(device({ enroll }), stop.signal)).toBeUndefined();
    expect(names()).toEqual(['enrolling', 'stopped']);
  });
});

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

describe('an error that nobody foresaw', () => {
  it('is not taken for a failure of the server', async () => {
    const connect = async () => Promise.reject(new TypeError('a bug'));
    await expect(runDevice(device({ connect }), stop.signal)).rejects.toThrow('a bug');
  });
});
