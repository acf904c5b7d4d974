/** A device ID is enrolled by a factory certificate once, and once more for each time that an operator says so. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { type Made, makeDevice, makeRoot, newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { detailOf, enrollBy, enrolledBy, expectRefused, importDevice, register } from './factory.ts';
import { askRenewal, holderOf } from './renewing.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let root: Made;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  root = await makeRoot('Acme Root');
  await register(service, 'acme', [root]);
});
afterAll(() => service.close());

const release = (id: string) => service.operator<DeviceDetail>('POST', `/devices/${id}/release`, {});
const spent = (answer: ReturnType<typeof enrollBy>) => expectRefused(answer, 409, 'factory_identity_spent');
const statusesOf = async (id: string) =>
  (await detailOf(service, id)).certificates.map(({ status }) => status);

describe('the same factory certificate', () => {
  it('with the same key gets the same certificate again, however often', async () => {
    const device = await makeDevice(root, { cn: 'again' });
    const privateKey = newKey();
    const first = await enrolledBy(service, device, { privateKey });
    for (const commonName of [null, 'again']) {
      const { status, body } = await enrollBy(service, device, { privateKey, commonName });
      expect([status, body.certificate]).toEqual([200, first.certificate]);
    }
    expect(await statusesOf('again')).toEqual(['active']);
  });

  it('with another key is refused', async () => {
    const device = await makeDevice(root, { cn: 'greedy' });
    await enrolledBy(service, device);
    await spent(enrollBy(service, device));
  });

  it('with the same key is refused once its certificate has been replaced', async () => {
    const device = await makeDevice(root, { cn: 'moved-on' });
    const privateKey = newKey();
    await enrolledBy(service, device, { privateKey });
    const { token } = await service.createToken({ device: 'moved-on' });
    await service.enroll(token, await csrPem({ commonName: 'moved-on', privateKey: newKey() }));
    await spent(enrollBy(service, device, { privateKey }));
  });

  it('with ten keys at once gets one certificate', async () => {
    const device = await makeDevice(root, { cn: 'racer' });
    const answers = await Promise.all(Array.from({ length: 10 }, () => enrollBy(service, device)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.code === 'factory_identity_spent')).toHaveLength(9);
    expect(await statusesOf('racer')).toEqual(['active']);
  });
});

it('another factory certificate of the same ID is refused, from the same manufacturer or another', async () => {
  const privateKey = newKey();
  await enrolledBy(service, await makeDevice(root, { cn: 'twin' }), { privateKey });
  await spent(enrollBy(service, await makeDevice(root, { cn: 'twin' }), { privateKey }));
  const rival = await makeRoot('Rival Root');
  await register(service, 'rival', [rival]);
  await spent(enrollBy(service, await makeDevice(rival, { cn: 'twin' })));
});

it('a device that enrolled by a token is not taken over', async () => {
  const { token } = await service.createToken();
  const { status } = await service.enroll(
    token,
    await csrPem({ commonName: 'by-token', privateKey: newKey() }),
  );
  expect(status).toBe(201);
  await spent(enrollBy(service, await makeDevice(root, { cn: 'by-token' })));
});

describe('device release', () => {
  it('lets the device enroll once more; what it had is superseded then, and not before', async () => {
    const device = await makeDevice(root, { cn: 'resold' });
    await enrolledBy(service, device);
    const answer = await release('resold');
    expect([answer.status, answer.body.releasedAt]).toEqual([200, expect.any(String)]);
    expect((await release('resold')).body.releasedAt).toBe(answer.body.releasedAt);
    expect(await statusesOf('resold')).toEqual(['active']);

    const privateKey = newKey();
    const second = await enrolledBy(service, device, { privateKey });
    expect(await statusesOf('resold')).toEqual(['active', 'superseded']);
    expect((await enrollBy(service, device, { privateKey })).body.certificate).toBe(second.certificate);
    await spent(enrollBy(service, device));
    expect((await detailOf(service, 'resold')).releasedAt).toBeNull();
  });

  it('gives a new certificate even for the key that had one', async () => {
    const device = await makeDevice(root, { cn: 'same-key' });
    const asking = { privateKey: device.privateKey };
    const first = await enrolledBy(service, device, asking);
    await release('same-key');
    const second = await enrolledBy(service, device, asking);
    expect(second.serialNumber).not.toBe(first.serialNumber);
    expect((await enrollBy(service, device, asking)).body.serialNumber).toBe(second.serialNumber);
  });

  it('lets a new factory certificate in, and one device that enrolled by a token', async () => {
    const { token } = await service.createToken();
    await service.enroll(token, await csrPem({ commonName: 'new-board', privateKey: newKey() }));
    await release('new-board');
    await enrolledBy(service, await makeDevice(root, { cn: 'new-board' }));
    await release('new-board');
    await enrolledBy(service, await makeDevice(root, { cn: 'new-board' }));
  });

  it.each([
    ['release', () => release('billing')],
    [
      'reinstatement',
      async () => {
        await service.operator('POST', '/devices/billing/revoke');
        await service.operator('POST', '/devices/billing/reinstate');
        await release('billing');
      },
    ],
  ])('opens no other group to a manufacturer that is kept to one: %s', async (_what, open) => {
    await service.operator('PUT', '/groups/back-ends', { profile: 'device', policy: 'device' });
    const csr = await csrPem({ commonName: 'billing', privateKey: newKey() });
    const { token } = await service.createToken({ group: 'back-ends', device: 'billing' });
    expect((await service.enroll(token, csr)).status).toBe(201);
    await open();
    const impostor = await makeDevice(root, { cn: 'billing' });
    await expectRefused(enrollBy(service, impostor), 403, 'device_group_mismatch');
    expect((await detailOf(service, 'billing')).releasedAt).not.toBeNull();
    await service.operator('POST', '/devices/billing/revoke');
    await service.operator('POST', '/devices/billing/reinstate');
  });

  it("lets a manufacturer's own device in that an operator has moved to another group", async () => {
    const device = await makeDevice(root, { cn: 'promoted' });
    await enrolledBy(service, device);
    await service.operator('PUT', '/groups/promoted', { profile: 'device', policy: 'device' });
    await service.operator('PATCH', '/devices/promoted', { group: 'promoted' });
    await release('promoted');
    await enrolledBy(service, device);
    expect((await detailOf(service, 'promoted')).group).toBe('promoted');
  });

  it('is used up by one of two that race', async () => {
    const device = await makeDevice(root, { cn: 'contested' });
    await enrolledBy(service, device);
    await release('contested');
    const answers = await Promise.all([enrollBy(service, device), enrollBy(service, device)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it('is used up by a token as well', async () => {
    const device = await makeDevice(root, { cn: 'either' });
    await enrolledBy(service, device);
    await release('either');
    const { token } = await service.createToken({ device: 'either' });
    const csr = await csrPem({ commonName: 'either', privateKey: newKey() });
    expect((await service.enroll(token, csr)).status).toBe(201);
    await spent(enrollBy(service, device));
  });

  it('is in the journal once, by whom', async () => {
    await importDevice(service, 'freed');
    await release('freed');
    await release('freed');
    const { body } = await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=10000');
    const rows = body.items.filter(({ event }) => event.action === 'device.released');
    expect(rows.filter(({ event }) => event.subject === 'freed')).toMatchObject([
      { actor: 'operator:admin' },
    ]);
  });

  it('is nothing for devices that are revoked or unknown, nor for viewers', async () => {
    const device = await makeDevice(root, { cn: 'gone' });
    await enrolledBy(service, device);
    await release('gone');
    await service.operator('POST', '/devices/gone/revoke', {});
    await expectRefused(enrollBy(service, device), 403, 'device_revoked');
    expect(await release('gone')).toMatchObject({ status: 403, body: { code: 'device_revoked' } });
    expect(await release('nobody')).toMatchObject({ status: 404, body: { code: 'device_unknown' } });
    const viewer = await service.operator<{ token: string }>('POST', '/operators', {
      name: 'onlooker',
      role: 'viewer',
    });
    const answer = await service.operator('POST', '/devices/again/release', {}, viewer.body.token);
    expect(answer).toMatchObject({ status: 403, body: { code: 'operator_role_insufficient' } });
  });
});

describe('what it gave', () => {
  it('renews like any other certificate', async () => {
    const privateKey = newKey();
    const body = await enrolledBy(service, await makeDevice(root, { cn: 'renewing' }), { privateKey });
    const { status } = await askRenewal(service, holderOf(body, privateKey), { privateKey: newKey() });
    expect(status).toBe(201);
  });

  it('stays when the manufacturer is removed, and is given again no more', async () => {
    const ca = await makeRoot('Passing Root');
    await register(service, 'passing', [ca]);
    const device = await makeDevice(ca, { cn: 'orphan' });
    const privateKey = newKey();
    const body = await enrolledBy(service, device, { privateKey });
    expect((await service.operator('DELETE', '/manufacturers/passing')).status).toBe(204);
    await expectRefused(enrollBy(service, device, { privateKey }), 401, 'factory_certificate_untrusted');
    expect((await askRenewal(service, holderOf(body, privateKey))).status).toBe(201);
    await register(service, 'passing-again', [ca]);
    await spent(enrollBy(service, device));
  });
});
