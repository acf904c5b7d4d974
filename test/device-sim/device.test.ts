/** A device's life as a state machine: what each failure leads to, and what no failure may lead to. */
import { describe, expect, it } from '@jest/globals';
import { parseDeviceId } from '../../core/ids.ts';
import { connectionLost, Failure } from '../../device-sim/contract/failure.ts';
import { type DeviceOptions, runDevice } from '../../device-sim/device/device.ts';
import { enrollIdentity } from '../../device-sim/identity/enroll-identity.ts';
import { memoryStorage } from '../../device-sim/identity/identity-storage.ts';
import {
  authority,
  busy,
  device,
  failing,
  fakeSession,
  final,
  names,
  notAuthorized,
  stop,
  transient,
  waits,
} from './support/scripted-device.ts';

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

describe('an error that nobody foresaw', () => {
  it('is not taken for a failure of the server', async () => {
    const connect = async () => Promise.reject(new TypeError('a bug'));
    await expect(runDevice(device({ connect }), stop.signal)).rejects.toThrow('a bug');
  });
});
