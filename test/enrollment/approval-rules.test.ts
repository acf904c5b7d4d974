/** What holds of a request while it waits: the uses of its token, the rules, its bounds, and who may make one. */
import { describe, expect, it } from '@jest/globals';
import type { RequestView } from '../../core/api/requests.ts';
import type { TokenView } from '../../core/api/tokens.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { basic, callEst } from '../est/est-client.ts';
import { csrPem } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { makeDevice, makeRoot, newKey } from '../support/factory.ts';
import {
  applicant,
  applyGroup,
  approve,
  awaiting,
  clock,
  DAY,
  decide,
  fillQueue,
  root,
  service,
  show,
} from './approving.ts';
import { enrollBy, expectRefused, register } from './factory.ts';
import { keyFingerprintOf } from './renewing.ts';

describe('the uses of a token', () => {
  const usesOf = async (id: string) => {
    const { body } = await service.operator<{ items: TokenView[] }>('GET', '/tokens');
    return body.items.find((token) => token.id === id)?.uses;
  };

  it('are not promised more often than there are', async () => {
    const { token, id } = await service.createToken({ group: 'gated', maxUses: 2 });
    const keys = [newKey(), newKey(), newKey()] as const;
    const ask = async (index: 0 | 1 | 2) =>
      service.enroll(token, await csrPem({ commonName: `use-${index}`, privateKey: keys[index] }));
    const ids = [await awaiting(ask(0)), await awaiting(ask(1))];
    expect(await ask(2)).toMatchObject({ status: 403, body: { code: 'token_spent' } });
    expect(await usesOf(id)).toBe(0);
    await approve(ids[0] ?? 0);
    expect((await ask(0)).status).toBe(201);
    expect(await usesOf(id)).toBe(1);
    expect(await ask(2)).toMatchObject({ status: 403, body: { code: 'token_spent' } });
    await decide(ids[1] ?? 0, 'deny');
    await awaiting(ask(2));
  });

  it('of one that has expired since are kept for who asked in time', async () => {
    const device = await applicant('slow', { expiresIn: 60 });
    const id = await awaiting(device.ask());
    clock.ahead = 3_600_000;
    expect(await awaiting(device.ask())).toBe(id);
    expect((await device.ask(newKey())).body.code).toBe('token_expired');
    await approve(id);
    expect((await device.ask()).status).toBe(201);
  });

  it('of one that was revoked are void, approved or not', async () => {
    const device = await applicant('void');
    await approve(await awaiting(device.ask()));
    await service.operator('DELETE', `/tokens/${device.tokenId}`);
    expect((await device.ask()).body.code).toBe('token_revoked');
  });

  it('are for the device that was asked about', async () => {
    const device = await applicant('honest', { maxUses: 5 });
    await approve(await awaiting(device.ask()));
    expect((await device.ask(device.privateKey, 'other')).body.code).toBe('key_in_use');
    expect((await device.ask()).status).toBe(201);
  });
});

describe('when the certificate is issued, all rules hold as they are then', () => {
  it('for the device', async () => {
    const device = await applicant('barred', { device: 'barred' });
    const id = await awaiting(device.ask());
    const other = await applicant('barred', { device: 'barred' });
    await approve(await awaiting(other.ask()));
    expect((await other.ask()).status).toBe(201);
    await service.operator('POST', '/devices/barred/revoke', {});
    await approve(id);
    expect((await device.ask()).body.code).toBe('device_revoked');
  });

  it('for the key', async () => {
    const device = await applicant('blocked');
    await approve(await awaiting(device.ask()));
    const fingerprint = keyFingerprintOf(device.privateKey);
    await service.operator('POST', '/blocked-keys', { fingerprint, note: 'seen elsewhere' });
    expect((await device.ask()).body.code).toBe('key_blocked');
  });

  it('for the token that does not name the device', async () => {
    const [one, other] = [await applicant('rivals'), await applicant('rivals')];
    for (const each of [one, other]) await approve(await awaiting(each.ask()));
    expect((await one.ask()).status).toBe(201);
    expect((await other.ask()).body.code).toBe('device_already_enrolled');
  });

  it('for the group: one that has stopped asking lets in who waits', async () => {
    await applyGroup('required', 'changing');
    const device = await applicant('lucky', { group: 'changing' });
    const id = await awaiting(device.ask());
    await applyGroup('none', 'changing');
    expect((await device.ask()).status).toBe(201);
    expect((await show(id)).status).toBe('issued');
  });

  it('for the profile', async () => {
    await service.operator('PUT', '/profiles/narrowing', { validity: '1d' });
    await service.operator('PUT', '/groups/narrowing', {
      profile: 'narrowing',
      policy: 'device',
      approval: 'required',
    });
    const device = await applicant('narrowed', { group: 'narrowing' });
    await approve(await awaiting(device.ask()));
    await service.operator('PUT', '/profiles/narrowing', { validity: '1d', keys: ['rsa'] });
    expect((await device.ask()).body.code).toBe('key_unsupported');
  });
});

describe('a request that lies about', () => {
  it.each(['pending', 'approved'])('for a week (%s) is void, and makes room', async (status) => {
    const device = await applicant(`stale-${status}`, { expiresIn: 20 * 86_400 });
    const id = await awaiting(device.ask());
    clock.ahead = 6 * DAY;
    if (status === 'approved') await approve(id);
    clock.ahead += status === 'approved' ? 6 * DAY : 0;
    expect((await show(id)).status).toBe(status);
    clock.ahead += 2 * DAY;
    expect((await service.operator('GET', `/requests/${id}`)).status).toBe(404);
    expect(await decide(id, 'approve')).toMatchObject({ status: 404, body: { code: 'request_unknown' } });
    const { body } = await service.operator<{ items: RequestView[] }>('GET', '/requests?limit=1000');
    expect(body.items.map((one) => one.id)).not.toContain(id);
    expect(await awaiting(device.ask())).toBeGreaterThan(id);
  });

  it('leaves the registry as others are made, and the journal tells', async () => {
    const stale = await awaiting((await applicant('forgotten')).ask());
    clock.ahead = 30 * DAY;
    const left = async () => {
      await awaiting((await applicant('fresh')).ask());
      const { body } = await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=10000');
      const lapsed = body.items.filter(({ event }) => event.action === 'request.lapsed');
      return lapsed.some(({ event }) => JSON.stringify(event.data) === JSON.stringify({ request: stale }));
    };
    expect(await eventually(left)).toBe(true);
  });

  it('is one of ten thousand at most', async () => {
    const waiting = await applicant('in-time');
    const id = await awaiting(waiting.ask());
    const empty = fillQueue(10_000, 'token:filler');
    const late = await applicant('too-late');
    const answer = await late.ask();
    expect([answer.status, answer.body.code]).toEqual([503, 'requests_full']);
    expect(answer.headers['retry-after']).toBe('3600');
    const body = await csrPem({ commonName: 'too-late', privateKey: newKey() });
    const est = await callEst(service, { path: '/simpleenroll', body, headers: basic('', late.token) });
    expect([est.status, est.headers['retry-after']]).toEqual([503, '3600']);
    // Who waits already, and groups that ask nobody, go on.
    expect(await awaiting(waiting.ask())).toBe(id);
    const { token } = await service.createToken();
    const csr = await csrPem({ commonName: 'unasked', privateKey: newKey() });
    expect((await service.enroll(token, csr)).status).toBe(201);
    empty();
    await awaiting(late.ask());
  });

  it('is one of a quarter of them that one token may make', async () => {
    const greedy = await applicant('greedy', { maxUses: 10_000 });
    const empty = fillQueue(2_500, `token:${greedy.tokenId}`);
    const answer = await greedy.ask();
    expect([answer.status, answer.body.code]).toEqual([503, 'requests_full']);
    await awaiting((await applicant('modest')).ask());
    empty();
    await awaiting(greedy.ask());
  });

  it('is one of as many that the factory certificates of one manufacturer may make', async () => {
    const other = await makeRoot('Other Root');
    await register(service, 'other', [other], { group: 'gated' });
    const empty = fillQueue(2_500, 'factory:filler', 'acme');
    const greedy = await makeDevice(root, { cn: 'one-too-many' });
    await expectRefused(enrollBy(service, greedy), 503, 'requests_full');
    await awaiting(enrollBy(service, await makeDevice(other, { cn: 'of-another' })));
    empty();
    await awaiting(enrollBy(service, greedy));
  });
});

describe('a factory certificate', () => {
  it('waits as a token does, and the operator sees whose it is', async () => {
    const device = await makeDevice(root, { cn: 'fact-1' });
    const privateKey = newKey();
    const id = await awaiting(enrollBy(service, device, { privateKey }));
    expect(await show(id)).toMatchObject({
      device: 'fact-1',
      token: null,
      manufacturer: 'acme',
      factoryCertificate: device.certificate.fingerprint,
      keyFingerprint: keyFingerprintOf(privateKey),
    });
    await approve(id);
    const answer = await enrollBy(service, device, { privateKey });
    expect(answer.status).toBe(201);
    const journal = await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=10000');
    const row = journal.body.items.find(
      ({ event }) => event.action === 'device.enrolled' && event.subject === 'fact-1',
    );
    expect(row?.event.data).toMatchObject({ manufacturer: 'acme', request: id });
  });

  it('waits for one key at a time: the newest takes the place of the others', async () => {
    const device = await makeDevice(root, { cn: 'fact-2' });
    const [old, fresh] = [newKey(), newKey()];
    const first = await awaiting(enrollBy(service, device, { privateKey: old }));
    await approve(first);
    clock.ahead = 5_000;
    const second = await awaiting(enrollBy(service, device, { privateKey: fresh }));
    expect((await service.operator('GET', `/requests/${first}`)).status).toBe(404);
    await approve(second);
    expect((await enrollBy(service, device, { privateKey: fresh })).status).toBe(201);
    await expectRefused(enrollBy(service, device, { privateKey: old }), 409, 'factory_identity_spent');
  });

  it('that was denied is denied with any key, until it is approved', async () => {
    const device = await makeDevice(root, { cn: 'fact-3' });
    const id = await awaiting(enrollBy(service, device));
    await decide(id, 'deny');
    await expectRefused(enrollBy(service, device), 403, 'request_denied');
    await approve(id);
    clock.ahead = 5_000;
    await awaiting(enrollBy(service, device));
  });

  it('asks for another key no sooner than it was told to ask again', async () => {
    const device = await makeDevice(root, { cn: 'fact-5' });
    const id = await awaiting(enrollBy(service, device));
    const hasty = await enrollBy(service, device);
    expect([hasty.status, hasty.body.code]).toEqual([429, 'rate_limited']);
    expect(Number(hasty.headers['retry-after'])).toBeLessThanOrEqual(5);
    expect((await show(id)).status).toBe('pending');
    clock.ahead = Number(hasty.headers['retry-after']) * 1_000;
    await awaiting(enrollBy(service, device));
  });

  it('asks again after its device was released', async () => {
    const device = await makeDevice(root, { cn: 'fact-4' });
    const asking = { privateKey: newKey() };
    await approve(await awaiting(enrollBy(service, device, asking)));
    const first = await enrollBy(service, device, asking);
    await service.operator('POST', '/devices/fact-4/release', {});
    await approve(await awaiting(enrollBy(service, device, asking)));
    const second = await enrollBy(service, device, asking);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body.serialNumber).not.toBe(first.body.serialNumber);
  });
});
