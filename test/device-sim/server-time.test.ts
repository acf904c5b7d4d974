/** Whose time counts where a device's clock is wrong. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createEnrollClient } from '../../device-sim/contract/enroll-client.ts';
import { ServerTime } from '../../device-sim/device/server-time.ts';
import { createAuthority } from './support/authority.ts';
import { json, startEnrollServer } from './support/enroll-server.ts';

const HOUR_MS = 3_600_000;
let own: number;
let warnings: number[];
let time: ServerTime;
beforeEach(() => {
  own = 1_000_000_000;
  warnings = [];
  time = new ServerTime({ clock: { now: () => own }, onWrongClock: (behind) => warnings.push(behind) });
});

describe("the server's time", () => {
  it("is the device's own before anything is known", () => {
    expect(time.now()).toBe(own);
  });

  it("is the device's own where both agree, as far as an answer can tell", () => {
    time.learn(own - 4_000);
    expect([time.now(), warnings]).toEqual([own, []]);
  });

  it.each([
    ['behind', HOUR_MS],
    ['ahead', -HOUR_MS],
  ])("is what an answer said where the device's clock is %s, and goes on from there", (_how, behind) => {
    time.learn(own + behind);
    own += 5_000;
    expect(time.now()).toBe(own + behind);
    expect(warnings).toEqual([behind]);
  });

  it('is followed without a word where the difference is small', () => {
    time.learn(own + 30_000);
    expect([time.now(), warnings]).toEqual([own + 30_000, []]);
  });

  it('is told of once, and again when the clock is off by something else', () => {
    for (const behind of [HOUR_MS, HOUR_MS + 900, 0, HOUR_MS]) time.learn(own + behind);
    expect(warnings).toEqual([HOUR_MS, HOUR_MS]);
  });

  it('comes with every answer, refusals too', async () => {
    const authority = await createAuthority();
    const date = new Date(own).toUTCString();
    const server = await startEnrollServer(authority, (_request, response) => {
      json(response, 403, { code: 'certificate_expired', detail: '', remedy: '' }, { date });
    });
    const heard: number[] = [];
    const client = createEnrollClient({
      url: server.url,
      ca: authority.ca,
      onServerTime: (moment) => heard.push(moment),
    });
    await expect(client.renew('')).rejects.toMatchObject({ code: 'certificate_expired' });
    await client.close();
    server.close();
    expect(heard).toEqual([own]);
  });
});
