/** Sessions that say nothing for too long (MQTT 3.1.1 §3.1.2.10). */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
    let [sentAt, longestPause] = [performance.now(), 0];
    // For two looks at who is silent, at least.
    while (!silent.closed || performance.now() - began < 3_000) {
      busy.send(message);
      await delay(50);
      longestPause = Math.max(longestPause, performance.now() - sentAt);
      sentAt = performance.now();
    }
    expect(closedAt - began).toBeGreaterThan(1_500);
    expect(patient.closed).toBe(false);
    // A machine that stands still for as long makes a silence of it.
    if (longestPause < 1_000) expect(busy.closed).toBe(false);
    await busy.untilClosed();
    for (const { socket } of [silent, patient]) socket.destroy();
  });
});
