/** When CRLs are issued because time goes by, and which of their shards. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { crlPartOf } from '../../core/pki/crl-names.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { CrlWorld } from './world.ts';

const HOUR = 3_600_000;
const folder = temporaryFolder();
let world: CrlWorld;
beforeEach(async () => {
  world = await CrlWorld.create(mkdtempSync(join(folder, 'world-')));
  await world.start();
});
afterEach(() => world.close());

describe('in time', () => {
  it('a list is replaced when half of its life is over, and deltas add to whichever others may hold', async () => {
    const first = await world.number();
    world.clock.advance(11 * HOUR);
    await world.tick();
    expect(await world.number()).toBe(first);
    world.clock.advance(HOUR);
    await world.tick();
    const second = await world.number();
    expect([second, await world.base()]).toEqual([first + 1n, first]);
    // Half an hour before its end the first is one that somebody may still go by.
    world.clock.advance(11.5 * HOUR);
    const serial = await world.issue();
    await world.set('revoked', serial);
    await world.untilListed(serial);
    expect(await world.base()).toBe(first);
    world.clock.advance(HOUR);
    await world.tick();
    expect(await world.base()).toBe(second);
    const { thisUpdate, nextUpdate } = await world.read();
    expect(nextUpdate - thisUpdate).toBe(24 * HOUR);
  });

  it('the list is replaced without anybody asking', async () => {
    await world.stop();
    const began = performance.now();
    const first = await world.start().then(() => world.number());
    const startTime = performance.now() - began;
    await world.stop();
    // It is due in as long as several starts take here.
    world.clock.advance(12 * HOUR - 500 - 10 * startTime);
    await world.start();
    expect(await world.number()).toBe(first);
    await eventually(async () => (await world.number()) > first);
  });

  it('what has expired stays for one more regular list, and then leaves', async () => {
    const [short, long] = [await world.issue(world.clock.now() + HOUR), await world.issue()];
    await world.set('revoked', short, long);
    await world.untilListed(short);
    world.clock.advance(2 * HOUR);
    const other = await world.issue();
    await world.set('revoked', other);
    // Not a regular one.
    await world.untilListed(other);
    expect(await world.lists(short, long)).toBe(true);
    world.clock.advance(10.5 * HOUR);
    await world.tick();
    expect(await world.lists(short, long)).toBe(true);
    const last = await world.issue();
    await world.set('revoked', last);
    await world.untilListed(last);
    expect([await world.lists(short), await world.lists(long)]).toEqual([false, true]);
  });

  it('a clock that was set back makes a list of now', async () => {
    world.clock.advance(100 * HOUR);
    await world.tick();
    const expired = await world.issue(world.clock.now() - HOUR);
    world.clock.advance(-100 * HOUR);
    await world.set('revoked', expired);
    await world.tick();
    const { thisUpdate } = await world.read();
    expect(Math.abs(thisUpdate - world.clock.now())).toBeLessThan(10_000);
    // By the clock of now it is not expired at all.
    expect(await world.lists(expired)).toBe(true);
  });
});

describe('with shards', () => {
  beforeEach(async () => {
    await world.stop();
    world.crlShards = 16;
    await world.start();
  });

  it('only those in which something changed are issued anew, and all of them when it is time', async () => {
    const serial = await world.issue();
    const own = crlPartOf(serial, 16);
    const others = Array.from({ length: 16 }, (_, digit) => `shard-${digit.toString(16)}` as const).filter(
      (part) => part !== own,
    );
    const numbers = async () =>
      new Set(await Promise.all(others.map(async (part) => (await world.published(part)).number)));
    const first = await world.number();
    await world.set('revoked', serial);
    await world.untilListed(serial);
    expect([...(await world.read(own)).entries.keys()]).toEqual([serial]);
    expect([(await world.published(own)).number, [...(await numbers())]]).toEqual([first + 1n, [first]]);
    world.clock.advance(12 * HOUR);
    await world.tick();
    expect([...(await numbers())]).toEqual([first + 2n]);
  });

  it('those that were once in use are kept up, and another number of them applies at once', async () => {
    await world.stop();
    world.crlShards = 256;
    await world.start();
    const serial = await world.issue();
    await world.set('revoked', serial);
    await world.untilListed(serial);
    for (const shards of [16, 256] as const)
      expect((await world.read(crlPartOf(serial, shards))).entries.has(serial)).toBe(true);
    // No certificate names a shard of neither.
    world.crlShards = 1;
    await world.restart();
    expect((await world.read(crlPartOf(serial, 16))).entries.has(serial)).toBe(true);
  });
});
