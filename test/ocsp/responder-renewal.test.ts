/** The delegated responder renews itself early, and the one before goes on while that fails. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseSerialNumber } from '../../core/ids.ts';
import { buildOcspRequest } from '../../core/pki/ocsp.ts';
import { readStaple } from '../../core/pki/ocsp-staple.ts';
import type { DelegatedResponders } from '../../enroll/status/delegated-responders.ts';
import { insertIssuer } from '../broker/world.ts';
import { createAuthority } from '../pki/test-authority.ts';
import { readResponse } from '../support/ocsp.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Delegation, openDelegation } from './delegation.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;
const TRY_LATER = 3;
const UNAUTHORIZED = 6;

const folder = temporaryFolder();
let world: Delegation;
let responders: DelegatedResponders;
beforeEach(async () => {
  world = await openDelegation(folder);
  responders = world.responders();
});
afterEach(() => world.close());

const current = () => responders.of(world.issuer);
const errors = () => world.log.filter(({ level }) => level >= 50);
const request = () => {
  const never = parseSerialNumber('0123456789');
  return Buffer.from(buildOcspRequest(world.issuer.certificate, never));
};

describe('a delegated responder', () => {
  it('is the same for half of its life, and another from then on', async () => {
    const first = await current();
    expect(first).not.toBeNull();
    world.clock.time += 3 * DAY;
    expect(await current()).toBe(first);
    world.clock.time += DAY;
    await responders.renew();
    const second = await current();
    expect(second?.notAfter).toBeGreaterThan(first?.notAfter ?? Number.NaN);
  });

  it('is made once for all who ask at the same time', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, current));
    expect(new Set(made).size).toBe(1);
    expect(world.key.asked).toBe(1);
  });

  it('keeps nobody waiting while the next one is made', async () => {
    const first = await current();
    world.clock.time += 4 * DAY;
    expect(await current()).toBe(first);
    await responders.renew();
    expect(await current()).not.toBe(first);
  });

  it('is in the registry before it signs, as everything that the CA signed', async () => {
    await current();
    const rows = await world.registry.journal(0, 100);
    expect(rows.map(({ event }) => [event.action, event.subject])).toContainEqual(['server.issued', 'ocsp']);
  });

  it('goes on while it cannot be renewed, with an error in the log', async () => {
    const first = await current();
    world.clock.time += 4 * DAY;
    world.key.away = true;
    await responders.renew();
    expect(await current()).toBe(first);
    expect(errors().map(({ msg }) => msg)).toEqual(['the OCSP responder could not be renewed']);
    expect(errors()[0]).toMatchObject({ until: new Date(first?.notAfter ?? 0).toISOString() });

    world.key.away = false;
    world.clock.time += 10 * SECOND;
    await responders.renew();
    expect(await current()).not.toBe(first);
  });

  it('that cannot be renewed is tried again every ten seconds, however many ask', async () => {
    world.key.away = true;
    for (let index = 0; index < 50; index++) expect(await current()).toBeNull();
    expect([world.key.asked, errors().length]).toEqual([1, 1]);
    world.clock.time += 10 * SECOND;
    world.key.away = false;
    expect(await current()).not.toBeNull();
  });

  it('is none once it has expired and cannot be renewed', async () => {
    await current();
    world.key.away = true;
    world.clock.time += 7 * DAY;
    expect(await current()).toBeNull();
  });

  it('of a time to come, when the clock is put back, is replaced', async () => {
    world.clock.time += DAY;
    const first = await current();
    world.clock.time -= HOUR;
    world.key.away = true;
    expect(await current()).toBeNull();
    world.key.away = false;
    world.clock.time -= HOUR;
    const second = await current();
    expect(second?.notAfter).toBeLessThan(first?.notAfter ?? 0);
  });

  it('is not renewed for a CA that was retired', async () => {
    const { issuing: successor } = await createAuthority({ now: world.clock.time });
    await world.registry.write('system', (transaction) =>
      insertIssuer(transaction, successor, 'issuing', 'retiring'),
    );
    await current();
    world.issuing.succeed(successor);
    world.issuing.retire(world.issuer.certificate.fingerprint);
    world.clock.time += 4 * DAY;
    await responders.renew();
    expect([world.key.asked, errors()]).toEqual([1, []]);
    expect(await responders.of(successor)).not.toBeNull();
  });
});

describe('answers', () => {
  it('last an hour, and never longer than the certificate of the responder', async () => {
    const ocsp = world.ocsp(responders);
    const responder = await current();
    const whole = (time: number) => time - (time % SECOND);
    const nextUpdate = async () => readStaple((await ocsp.answer(request())).der)?.nextUpdate;
    expect(await nextUpdate()).toBe(whole(world.clock.time) + HOUR);
    world.key.away = true;
    world.clock.time = (responder?.notAfter ?? 0) - 2 * SECOND;
    expect(await nextUpdate()).toBe(responder?.notAfter);
  });

  it('say "try later" while there is no responder, and the status again as soon as there is one', async () => {
    const ocsp = world.ocsp(responders);
    world.key.away = true;
    const { der, shared } = await ocsp.answer(request());
    expect([readResponse(der).status, shared]).toEqual([TRY_LATER, null]);
    world.key.away = false;
    world.clock.time += 10 * SECOND;
    expect(readResponse((await ocsp.answer(request())).der).answers).toEqual(['unknown']);
    expect(world.counted.map(([says, source]) => [says, source])).toEqual([
      [['tryLater'], 'refused'],
      [['unknown'], 'signed'],
    ]);
  });

  it('that were kept are not handed out past their end, nor from the future', async () => {
    const ocsp = world.ocsp(responders);
    const responder = await current();
    world.key.away = true;
    world.clock.time = (responder?.notAfter ?? 0) - 2 * SECOND;
    const { der } = await ocsp.answer(request());
    expect((await ocsp.answer(request())).der).toBe(der);
    world.clock.time += 2 * SECOND;
    expect(readResponse((await ocsp.answer(request())).der).status).toBe(TRY_LATER);

    world.key.away = false;
    world.clock.time += 10 * SECOND;
    const later = await ocsp.answer(request());
    world.clock.time -= 5 * SECOND;
    const earlier = await ocsp.answer(request());
    expect(earlier.shared?.thisUpdate).toBeLessThan(later.shared?.thisUpdate ?? 0);
  });

  it('are none about a CA that has expired', async () => {
    world.clock.time = world.issuer.certificate.notAfter;
    expect(readResponse((await world.ocsp(responders).answer(request())).der).status).toBe(UNAUTHORIZED);
    expect(world.key.asked).toBe(0);
  });
});
