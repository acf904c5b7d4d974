/** When CRLs are issued, what they follow from, and what is served while none can be. */
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { QUICK_CRLS } from '../support/crl-publishing.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { CrlWorld } from './world.ts';

const folder = temporaryFolder();
let world: CrlWorld;
beforeEach(async () => {
  world = await CrlWorld.create(mkdtempSync(join(folder, 'world-')));
  await world.start();
});
afterEach(() => world.close());

const issueMany = (count: number) => Promise.all(Array.from({ length: count }, () => world.issue()));

describe('what has changed', () => {
  it('is on the next list soon, whatever the event was called', async () => {
    const serial = await world.issue();
    await world.set('revoked', serial);
    await world.untilListed(serial);
  });

  it('comes together on few lists, though it comes all the time', async () => {
    const serials = await issueMany(40);
    const [before, began] = [await world.number(), performance.now()];
    for (const serial of serials) {
      await world.set('revoked', serial);
      await eventually(() => performance.now() - began > 25 * (serials.indexOf(serial) + 1));
    }
    await world.untilListed(...serials);
    const issues = (performance.now() - began) / QUICK_CRLS.urgent;
    expect(Number((await world.number()) - before)).toBeLessThanOrEqual(Math.ceil(issues) + 1);
  });

  it('is not urgent where a certificate was superseded, and goes with what is', async () => {
    await world.restart();
    const [first, second, urgent] = (await issueMany(3)) as [never, never, never];
    await world.set('superseded', first);
    await world.untilListed(first);
    const before = await world.number();
    await world.set('superseded', second);
    // Long after an urgent one would have been issued.
    const began = performance.now();
    await eventually(() => performance.now() - began > 5 * QUICK_CRLS.urgent);
    expect(await world.number()).toBe(before);
    await world.set('suspended', urgent);
    await world.untilListed(second, urgent);
    expect(await world.number()).toBe(before + 1n);
    expect(await world.lists(first)).toBe(true);
  });

  it('is not missed where somebody looks just as lists are published that do not know of it', async () => {
    await world.stop();
    const looks: ((value?: unknown) => void)[] = [];
    let holding = false;
    let found = 0;
    world.seenAs = (registry) =>
      new Proxy(registry, {
        get: (target, name) => {
          if (name === 'statusChange')
            return async (...asked: Parameters<typeof registry.statusChange>) => {
              const change = await registry.statusChange(...asked);
              if (change !== undefined) found += 1;
              // Of the changes that are known already, the answer comes late.
              if (holding && change === undefined) await new Promise((resolve) => looks.push(resolve));
              return change;
            };
          if (name === 'journalHead')
            return async () => {
              // It comes when lists were published, and the look after that has just begun.
              for (const answer of looks.splice(0)) answer();
              await new Promise(setImmediate);
              return registry.journalHead();
            };
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    await world.start();
    const [first, second] = [await world.issue(), await world.issue()];
    let sign = () => {};
    world.beforeSigning = () =>
      new Promise((resolve) => {
        sign = resolve;
        world.beforeSigning = async () => {};
      });
    await world.set('revoked', first);
    const signing = world.beforeSigning;
    await eventually(() => world.beforeSigning !== signing);
    const before = found;
    await world.set('revoked', second);
    await eventually(() => found > before);
    holding = true;
    await world.issue();
    await eventually(() => looks.length === 1);
    holding = false;
    sign();
    await world.untilListed(first, second);
  });

  it('is nobody else’s business', async () => {
    const before = await world.number();
    await world.issue();
    await world.tick();
    expect(await world.number()).toBe(before);
  });
});

describe('while nothing can be signed', () => {
  it('the last list is served, and it is tried again under the same number', async () => {
    const [before, serial] = [await world.published(), await world.issue()];
    let attempts = 0;
    world.beforeSigning = async () => {
      attempts += 1;
      if (attempts === 1) throw new Error('the token is away');
    };
    await world.set('revoked', serial);
    await eventually(async () => (await world.metric('gatehouse_crl_failures_total')) === 1);
    const name = { issuer: world.issuer, part: 'full' } as const;
    expect(await world.publishing.store.find(name)).toBe(before);
    await world.untilListed(serial);
    expect(await world.number()).toBe(before.number + 1n);
  });

  it('a start goes on with what there is', async () => {
    const before = await world.published();
    await world.stop();
    await world.set('revoked', await world.issue());
    world.beforeSigning = () => Promise.reject(new Error('the token is away'));
    await world.start();
    expect((await world.published()).der).toEqual(before.der);
  });
});

describe('a start', () => {
  it('goes on with the same lists where nothing has changed', async () => {
    const before = [await world.published(), await world.published('delta')];
    await world.restart();
    expect([await world.published(), await world.published('delta')]).toEqual(before);
  });

  it('brings what was revoked by the end of the last run, by a delta to the same base', async () => {
    const [base, serial] = [await world.number(), await world.issue()];
    await world.stop();
    await world.set('revoked', serial);
    await world.start();
    expect(await world.lists(serial)).toBe(true);
    expect(await world.base()).toBe(base);
    expect([...(await world.read('delta')).entries.keys()]).toEqual([serial]);
  });

  it.each([
    ['the folder is gone', () => rmSync(world.crls, { recursive: true })],
    [
      'a list is not whole',
      () => {
        const place = join(world.crls, world.issuer);
        truncateSync(join(place, readdirSync(place).find((name) => name.startsWith('full')) ?? ''), 100);
      },
    ],
    ['the index is not whole', () => truncateSync(join(world.crls, world.issuer, 'index.json'), 100)],
  ])('makes new ones where %s', async (_name, damage) => {
    const serial = await world.issue();
    await world.set('revoked', serial);
    await world.untilListed(serial);
    const before = await world.number();
    await world.stop();
    damage();
    await world.start();
    expect(await world.number()).toBe(before + 1n);
    expect(await world.base()).toBe(before + 1n);
    expect(await world.lists(serial)).toBe(true);
  });

  it('on a registry from a backup takes no number again, and no delta goes on from what that does not know', async () => {
    await world.stop();
    await world.backUp();
    await world.start();
    const undone = await world.issue();
    await world.set('revoked', undone);
    await world.untilListed(undone);
    const before = await world.number();
    await world.stop();
    await world.restore();
    await world.start();
    expect(await world.number()).toBe(before + 1n);
    expect(await world.base()).toBe(before + 1n);
    expect(await world.lists(undone)).toBe(false);
  });

  it('leaves nothing of lists that are no more', async () => {
    const serial = await world.issue();
    await world.set('revoked', serial);
    await world.untilListed(serial);
    const number = await world.number();
    await eventually(() => readdirSync(join(world.crls, world.issuer)).length === 3);
    expect(readdirSync(join(world.crls, world.issuer)).sort()).toEqual([
      `delta.${number}.crl`,
      `full.${number}.crl`,
      'index.json',
    ]);
  });
});
