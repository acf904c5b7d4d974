/** The sessions of a token: each does one thing at a time, they are few, and none is taken away from who uses it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { CryptokiError } from '../../enroll/signer/pkcs11/cryptoki.ts';
import { RetiredError, SessionPool } from '../../enroll/signer/pkcs11/session-pool.ts';

/** @param room how many sessions the token has room for */
function poolOf(room: number) {
  let opened = 1;
  return new SessionPool(() => {
    if (opened === room) throw new CryptokiError('C_OpenSession', new Error('CKR_SESSION_COUNT'));
    opened += 1;
    return Buffer.of(opened);
  }, Buffer.of(1));
}

/** Work that stays under way until it is told to end. */
function work() {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, ended };
}

describe('a pool of sessions', () => {
  it.each([
    [3, 10],
    [2, 2],
    [1, 1],
  ])('gives out at most %i, where the token has room for %i, one to each', async (most, room) => {
    const pool = poolOf(room);
    const busy = new Set<number>();
    let peak = 0;
    const turns = Array.from({ length: 20 }, () =>
      pool.use(async (session) => {
        const [name = 0] = session;
        expect(busy.has(name)).toBe(false);
        busy.add(name);
        peak = Math.max(peak, busy.size);
        await nextTurn();
        busy.delete(name);
      }),
    );
    await Promise.all(turns);
    expect(peak).toBe(most);
  });

  it('gives a session back where the work failed', async () => {
    const pool = poolOf(1);
    await expect(pool.use(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await pool.use(() => 'done')).toBe('done');
  });

  it('retires when the last one is given back, and turns away who waits or comes', async () => {
    const pool = poolOf(1);
    const { end, ended } = work();
    const using = pool.use(() => ended);
    const waiting = pool.use(() => 'late');
    let retired = false;
    const retiring = pool.retire().then(() => {
      retired = true;
    });
    await expect(waiting).rejects.toBeInstanceOf(RetiredError);
    await expect(pool.use(() => 'later')).rejects.toBeInstanceOf(RetiredError);
    await nextTurn();
    expect(retired).toBe(false);
    end();
    await Promise.all([using, retiring, pool.retire()]);
  });

  it('retires at once where nobody uses it', async () => {
    await poolOf(1).retire();
  });
});
