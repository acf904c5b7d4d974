/** A group may require an operator: devices wait, ask again, and get their certificates or a reason. */

import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import type { RequestView } from '../../core/api/requests.ts';
import type { TokenRequest, TokenView } from '../../core/api/tokens.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { eventually } from '../broker/eventually.ts';
import { basic, callEst } from '../est/est-client.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { type Made, makeDevice, makeRoot, newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { detailOf, enrollBy, expectRefused, register } from './factory.ts';
import { keyFingerprintOf } from './renewing.ts';

const DAY = 86_400_000;
const folder = temporaryFolder();
/** The server's clock, which a test may put forward. */
const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
let service: TestEnroll;
let root: Made;
beforeAll(async () => {
  service = await startTestEnroll(folder, { tokenRate: 10_000, enrollRate: 10_000 }, clock);
  await applyGroup('required');
  root = await makeRoot('Acme Root');
  await register(service, 'acme', [root], { group: 'gated' });
});
beforeEach(() => {
  clock.ahead = 0;
});
afterAll(() => service.close());

const applyGroup = (approval: string, name = 'gated') =>
  service.operator('PUT', `/groups/${name}`, { profile: 'device', policy: 'device', approval });

interface Applicant {
  readonly token: string;
  readonly tokenId: string;
  readonly privateKey: KeyObject;
  ask(privateKey?: KeyObject, commonName?: string): ReturnType<TestEnroll['enroll']>;
}
async function applicant(id: string, terms: TokenRequest = {}): Promise<Applicant> {
  const { token, id: tokenId } = await service.createToken({ group: 'gated', ...terms });
  const own = newKey();
  return {
    token,
    tokenId,
    privateKey: own,
    ask: async (privateKey = own, commonName = id) =>
      service.enroll(token, await csrPem({ commonName, privateKey })),
  };
}
/** Asks, which must be put before an operator. @returns the number of the request */
async function awaiting(answer: ReturnType<TestEnroll['enroll']>): Promise<number> {
  const { status, body } = await answer;
  expect([status, body.code, body.detail]).toEqual([202, undefined, undefined]);
  return body.request;
}
const decide = (id: number, call: string, body: unknown = {}) =>
  service.operator<RequestView & { code: string }>('POST', `/requests/${id}/${call}`, body);
const approve = async (id: number) => expect((await decide(id, 'approve')).status).toBe(200);
const show = async (id: number) => (await service.operator<RequestView>('GET', `/requests/${id}`)).body;

/** Requests that wait already. @returns the function that takes them away */
function fillQueue(count: number, credential: string, manufacturer: string | null = null): () => void {
  const database = new Sqlite(service.layout.registry.database);
  const fill = database.prepare(`
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    INSERT INTO requests (status, device, "group", credential, manufacturer, keyFingerprint, keyKind, address, createdAt,
      expiresAt)
    SELECT 'pending', 'filler-' || n, 'gated', ?, ?, n, 'rsa', '', ?, ? FROM numbers`);
  fill.run(count, credential, manufacturer, clock.now(), clock.now() + DAY);
  return () => {
    database.exec("DELETE FROM requests WHERE device LIKE 'filler-%'");
    database.close();
  };
}

describe('a device of a group that requires approval', () => {
  it('is told to wait, and gets its certificate with the same request once it is approved', async () => {
    const device = await applicant('gate-1');
    const answer = await device.ask();
    expect([answer.status, answer.headers['retry-after']]).toEqual([202, '5']);
    const { request } = answer.body;
    expect(answer.body).toEqual({ status: 'pending', request, deviceId: 'gate-1', retryAfter: 5 });
    expect(await awaiting(device.ask())).toBe(request);
    expect((await service.operator('GET', '/devices/gate-1')).status).toBe(404);

    await approve(request);
    const first = await device.ask();
    expect([first.status, first.body.deviceId]).toEqual([201, 'gate-1']);
    const again = await device.ask();
    expect([again.status, again.body.certificate]).toEqual([200, first.body.certificate]);
    expect(await show(request)).toMatchObject({
      status: 'issued',
      serialNumber: first.body.serialNumber,
      expiresAt: null,
    });
  });

  it('waits longer the longer it has waited, and an hour never', async () => {
    const device = await applicant('gate-2');
    const waits: unknown[] = [];
    for (const minutes of [0, 1, 10, 60, 60 * 24]) {
      clock.ahead = minutes * 60_000;
      const { status, headers } = await device.ask();
      waits.push(status, headers['retry-after']);
    }
    expect(waits).toEqual([
      202,
      '5',
      202,
      expect.stringMatching(/^3\d$/),
      202,
      expect.stringMatching(/^30\d$/),
      202,
      '900',
      202,
      '900',
    ]);
  });

  it('shows the operator what there is to decide by', async () => {
    const device = await applicant('gate-3');
    const id = await awaiting(device.ask());
    expect(await show(id)).toEqual({
      id,
      status: 'pending',
      device: 'gate-3',
      group: 'gated',
      token: device.tokenId,
      manufacturer: null,
      factoryCertificate: null,
      keyKind: 'ec-p256',
      keyFingerprint: keyFingerprintOf(device.privateKey),
      address: '127.0.0.1',
      createdAt: expect.any(String),
      expiresAt: expect.any(String),
      decidedAt: null,
      decidedBy: null,
      reason: null,
      serialNumber: null,
    });
  });

  it('renews without anybody being asked', async () => {
    const device = await applicant('gate-4');
    await approve(await awaiting(device.ask()));
    const { body } = await device.ask();
    const key = device.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const csr = await csrPem({ commonName: 'gate-4', privateKey: newKey() });
    expect((await service.renew({ key, cert: body.certificate }, csr)).status).toBe(201);
  });

  it('needs approval to enroll anew as well; what it has stands meanwhile', async () => {
    const first = await applicant('gate-5', { device: 'gate-5' });
    await approve(await awaiting(first.ask()));
    expect((await first.ask()).status).toBe(201);
    const second = await applicant('gate-5', { device: 'gate-5' });
    const id = await awaiting(second.ask());
    const statuses = async () => (await detailOf(service, 'gate-5')).certificates.map(({ status }) => status);
    expect(await statuses()).toEqual(['active']);
    await approve(id);
    expect((await second.ask()).status).toBe(201);
    expect(await statuses()).toEqual(['active', 'superseded']);
  });

  it('gets no key made for it', async () => {
    await service.operator('PUT', '/profiles/made', { validity: '1d', serverKeygen: true });
    await service.operator('PUT', '/groups/made', {
      profile: 'made',
      policy: 'device',
      approval: 'required',
    });
    const { token } = await service.createToken({ group: 'made' });
    const answer = await service.call<string>(`${service.enrollUrl}/.well-known/est/serverkeygen`, {
      method: 'POST',
      headers: {
        'content-type': 'application/pkcs10',
        authorization: `Basic ${Buffer.from(`x:${token}`).toString('base64')}`,
      },
      body: await csrPem({ commonName: 'made', privateKey: newKey() }),
    });
    expect([answer.status, answer.body]).toEqual([403, expect.stringMatching(/^server_keygen_disabled: /)]);
  });

  it('is asked about once, however many times it asks at once', async () => {
    const device = await applicant('gate-6');
    const ids = await Promise.all(Array.from({ length: 5 }, () => awaiting(device.ask())));
    expect(new Set(ids).size).toBe(1);
  });
});

describe('a denial', () => {
  it('is told to the device with its reason, and taken back by approving', async () => {
    const device = await applicant('denied-1');
    const id = await awaiting(device.ask());
    const { body } = await decide(id, 'deny', { reason: 'not one of ours' });
    expect(body).toMatchObject({
      status: 'denied',
      reason: 'not one of ours',
      decidedBy: 'operator:admin',
      expiresAt: null,
    });
    const answer = await device.ask();
    expect([answer.status, answer.body.code]).toEqual([403, 'request_denied']);
    expect(answer.body.detail).toContain('not one of ours');

    await approve(id);
    expect(await show(id)).toMatchObject({ status: 'approved', reason: null });
    expect((await device.ask()).status).toBe(201);
  });

  it('holds even where the group has stopped asking', async () => {
    await applyGroup('required', 'lenient');
    const device = await applicant('denied-2', { group: 'lenient' });
    await decide(await awaiting(device.ask()), 'deny');
    await applyGroup('none', 'lenient');
    expect((await device.ask()).body.code).toBe('request_denied');
  });

  it('takes an approval back until the certificate is fetched, and not after', async () => {
    const device = await applicant('denied-3');
    const id = await awaiting(device.ask());
    await approve(id);
    expect((await decide(id, 'deny')).body.status).toBe('denied');
    expect((await device.ask()).body.code).toBe('request_denied');
    await approve(id);
    expect((await device.ask()).status).toBe(201);
    for (const call of ['deny', 'approve']) {
      expect(await decide(id, call)).toMatchObject({ status: 409, body: { code: 'request_closed' } });
    }
  });

  it('gives its use of the token back', async () => {
    const device = await applicant('denied-4');
    await decide(await awaiting(device.ask()), 'deny');
    await awaiting(device.ask(newKey()));
  });
});

describe('deciding', () => {
  it('twice is deciding once', async () => {
    const device = await applicant('twice');
    const id = await awaiting(device.ask());
    for (const call of ['approve', 'approve', 'deny', 'deny'])
      await decide(id, call, call === 'deny' ? { reason: 'x' } : {});
    const { body } = await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=10000');
    const rows = body.items.filter(({ event }) => event.subject === 'twice');
    expect(rows.map(({ actor, event }) => [actor, event.action])).toEqual([
      [`token:${device.tokenId}`, 'request.created'],
      ['operator:admin', 'request.approved'],
      ['operator:admin', 'request.denied'],
    ]);
    expect(rows[2]?.event.data).toEqual({ request: id, reason: 'x' });
  });

  it('is nothing that viewers do, and needs a request that is there', async () => {
    const viewer = await service.operator<{ token: string }>('POST', '/operators', {
      name: 'onlooker',
      role: 'viewer',
    });
    const id = await awaiting((await applicant('looked-at')).ask());
    for (const call of ['approve', 'deny']) {
      const answer = await service.operator('POST', `/requests/${id}/${call}`, {}, viewer.body.token);
      expect(answer).toMatchObject({ status: 403, body: { code: 'operator_role_insufficient' } });
      expect(await decide(987_654, call)).toMatchObject({ status: 404, body: { code: 'request_unknown' } });
    }
    expect((await service.operator('GET', '/requests', undefined, viewer.body.token)).status).toBe(200);
    expect((await service.operator('GET', '/requests/x')).status).toBe(400);
  });

  it('is by lists, page after page and status by status', async () => {
    const ids: number[] = [];
    for (const name of ['a', 'b', 'c']) ids.push(await awaiting((await applicant(`list-${name}`)).ask()));
    await decide(ids[1] ?? 0, 'deny');
    const list = async (query: string) =>
      (await service.operator<{ items: RequestView[]; next: string | null }>('GET', `/requests?${query}`))
        .body;
    const after = (ids[0] ?? 0) - 1;
    const first = await list(`after=${after}&limit=2`);
    expect([first.items.map(({ id }) => id), first.next]).toEqual([ids.slice(0, 2), String(ids[1])]);
    const second = await list(`after=${first.next}&limit=2`);
    expect([second.items.map(({ id }) => id), second.next]).toEqual([ids.slice(2), null]);
    const pending = await list(`after=${after}&status=pending`);
    expect(pending.items.map(({ id }) => id)).toEqual([ids[0], ids[2]]);
    expect((await list(`after=${after}&status=denied`)).items.map(({ id }) => id)).toEqual([ids[1]]);
  });
});

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
