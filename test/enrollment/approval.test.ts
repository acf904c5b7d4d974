/** A group may require an operator: devices wait, ask again, and get their certificates or a reason. */
import { describe, expect, it } from '@jest/globals';
import type { RequestView } from '../../core/api/requests.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { csrPem } from '../support/enroll-service.ts';
import { newKey } from '../support/factory.ts';
import { applicant, applyGroup, approve, awaiting, clock, decide, service, show } from './approving.ts';
import { detailOf } from './factory.ts';
import { keyFingerprintOf } from './renewing.ts';

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
