/** Sessions that say nothing for too long (MQTT 3.1.1 §3.1.2.10). */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { KeepAlive } from '../../broker/sessions/keep-alive.ts';
import { Fleet } from './fleet.ts';
import { connectPacket, RawClient } from './raw-client.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create();
});
afterAll(() => fleet.close());

async function connect(id: string, keepalive: number): Promise<RawClient> {
  const client = await RawClient.open(fleet, await fleet.enroll(id));
  client.send(connectPacket(id, { keepalive }));
  expect(await client.connack()).toBe(0);
  return client;
}

describe('a session', () => {
  it('that publishes and nothing else is alive, and one that is silent ends after one and a half times its keep-alive', async () => {
    const began = performance.now();
    const [busy, silent, patient] = await Promise.all([
      connect('busy', 1),
      connect('silent', 1),
      connect('patient', 0),
    ]);
    let closedAt = Number.POSITIVE_INFINITY;
    silent.socket.once('close', () => {
      closedAt = performance.now();
    });
    const topic = 'devices/busy/telemetry';
    const message = { cmd: 'publish', topic, payload: 'x', qos: 0, dup: false, retain: false } as const;
    // For two looks at who is silent, at least.
    while (!silent.closed || performance.now() - began < 3_000) {
      busy.send(message);
      await delay(50);
    }
    expect(closedAt - began).toBeGreaterThan(1_500);
    expect(patient.closed).toBe(false);
    expect(busy.closed).toBe(false);
    await busy.untilClosed();
    for (const { socket } of [silent, patient]) socket.destroy();
  });
});

describe('a broker that has stood still', () => {
  it('first reads what was sent meanwhile, and then tells who was silent', () => {
    jest.useFakeTimers({ doNotFake: ['performance'] });
    const clock = jest.spyOn(performance, 'now').mockReturnValue(0);
    const ended: string[] = [];
    const keepAlive = new KeepAlive();
    const heard = new Map<string, number>();
    for (const id of ['talking', 'silent']) {
      heard.set(id, 0);
      const isSilent = (ms: number, now: number) => now - (heard.get(id) ?? 0) > ms;
      keepAlive.watch({ isSilent }, 10, () => ended.push(id));
    }
    const lookAt = (now: number) => {
      clock.mockReturnValue(now);
      jest.advanceTimersToNextTimer();
    };
    try {
      lookAt(1_000);
      lookAt(60_000);
      expect(ended).toEqual([]);
      heard.set('talking', 60_001);
      lookAt(61_000);
      expect(ended).toEqual(['silent']);
    } finally {
      keepAlive.close();
      clock.mockRestore();
      jest.useRealTimers();
    }
  });
});
