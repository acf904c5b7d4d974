/** What a device has to say outlasts the connection that it was to be said on. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { connectionLost } from '../../device-sim/contract/failure.ts';
import type { Session } from '../../device-sim/contract/mqtt-session.ts';
import { Outbox } from '../../device-sim/device/outbox.ts';

/** Keeps what is published until the test acknowledges it or loses it. */
function fakeSession() {
  const pending: { payload: string; acknowledge: () => void; lose: () => void }[] = [];
  const session: Pick<Session, 'publish'> = {
    publish: (_topic, payload) =>
      new Promise((resolve, reject) => {
        pending.push({ payload, acknowledge: resolve, lose: () => reject(connectionLost('the broker')) });
      }),
  };
  return { session: session as Session, pending, payloads: () => pending.map(({ payload }) => payload) };
}

let outbox: Outbox;
beforeEach(() => {
  outbox = new Outbox();
});

const message = (payload: string) => ({ topic: 't', payload });

describe('an outbox', () => {
  it('keeps what was not acknowledged for the next session, in its order', async () => {
    const first = fakeSession();
    const publishing = ['a', 'b', 'c'].map((payload) => outbox.publish(first.session, message(payload)));
    first.pending[1]?.acknowledge();
    for (const { lose } of first.pending) lose();
    await Promise.allSettled(publishing);

    const second = fakeSession();
    const resuming = outbox.resume(second.session);
    expect(second.payloads()).toEqual(['a', 'c']);
    for (const { acknowledge } of second.pending) acknowledge();
    await resuming;

    const third = fakeSession();
    await outbox.resume(third.session);
    expect(third.payloads()).toEqual([]);
  });

  it('does not send again what is on its way', async () => {
    const { session, pending, payloads } = fakeSession();
    const publishing = outbox.publish(session, message('a'));
    await outbox.resume(session);
    expect(payloads()).toEqual(['a']);
    pending[0]?.acknowledge();
    await publishing;
  });

  it('tells of each acknowledgement once', async () => {
    let acknowledged = 0;
    const { session, pending } = fakeSession();
    const publishing = outbox.publish(session, {
      ...message('a'),
      onAcknowledged: () => {
        acknowledged += 1;
      },
    });
    expect(acknowledged).toBe(0);
    pending[0]?.acknowledge();
    await publishing;
    await outbox.resume(fakeSession().session);
    expect(acknowledged).toBe(1);
  });

  it('is settled when nothing is on its way, acknowledged or lost', async () => {
    const { session, pending } = fakeSession();
    void outbox.publish(session, message('a'));
    outbox.publish(session, message('b')).catch(() => {});
    let settled = false;
    const settling = outbox.settled().then(() => {
      settled = true;
    });
    pending[0]?.acknowledge();
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(false);
    pending[1]?.lose();
    await settling;
  });

  it('is bounded: the oldest make room', async () => {
    const { session, pending } = fakeSession();
    const publishing = Array.from({ length: 1_010 }, (_, index) =>
      outbox.publish(session, message(String(index))).catch(() => {}),
    );
    for (const { lose } of pending) lose();
    await Promise.all(publishing);
    const next = fakeSession();
    outbox.resume(next.session).catch(() => {});
    expect([next.payloads().length, next.payloads()[0]]).toEqual([1_000, '10']);
  });
});
