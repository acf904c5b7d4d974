/** POST /v1/renew: two-phase, repeatable, and by nothing but a certificate that stands. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { askRenewal, certificateOf, enrollHolder, type Holder, renewed, statusOf } from './renewing.ts';

const folder = temporaryFolder();
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
});
afterAll(() => service.close());

async function eventsOf(id: string): Promise<JournalRow['event'][]> {
  const { body } = await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=1000');
  return body.items.filter(({ event }) => event.subject === id).map(({ event }) => event);
}

async function statusesOf(id: string): Promise<Record<string, string>> {
  const { body } = await service.operator<DeviceDetail>('GET', `/devices/${id}`);
  return Object.fromEntries(body.certificates.map(({ serialNumber, status }) => [serialNumber, status]));
}

describe('renewing', () => {
  it.each(['the same key', 'a new key'])('for %s leaves the old certificate standing', async (which) => {
    const id = which.replaceAll(' ', '-');
    const old = await enrollHolder(service, id);
    const privateKey = which === 'a new key' ? await generatePrivateKey() : old.privateKey;
    const { status, headers, body } = await askRenewal(service, old, { privateKey });

    expect(status).toBe(201);
    expect(Date.parse(String(headers.date))).toBeGreaterThan(Date.now() - 60_000);
    const certificate = new X509Certificate(body.certificate);
    expect(certificate.subject).toBe(`CN=${id}`);
    expect(certificate.checkPrivateKey(privateKey)).toBe(true);
    expect(certificate.verify(new X509Certificate(body.chain).publicKey)).toBe(true);
    expect(body.serialNumber).not.toBe(old.serialNumber);
    expect(await certificateOf(service, body)).toMatchObject({
      status: 'active',
      renews: old.serialNumber,
      firstUsedAt: null,
    });
    expect(await certificateOf(service, old)).toMatchObject({ status: 'active', renews: null });
    expect(await eventsOf(id)).toEqual([
      expect.objectContaining({ action: 'device.enrolled' }),
      {
        action: 'device.renewed',
        subject: id,
        data: expect.objectContaining({ serialNumber: body.serialNumber, renews: old.serialNumber }),
      },
    ]);
  });

  it('takes the CSR itself as the body, without a CN, and answers the PEM chain', async () => {
    const old = await enrollHolder(service, 'by-curl');
    const { status, body } = await service.call<string>(`${service.enrollUrl}/v1/renew`, {
      method: 'POST',
      headers: { 'content-type': 'application/pkcs10', accept: 'application/pem-certificate-chain' },
      body: await csrPem({ commonName: null, privateKey: old.privateKey }),
      identity: old,
    });
    expect(status).toBe(201);
    expect(body.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(new X509Certificate(body).subject).toBe('CN=by-curl');
  });

  it('tells when to renew again: the same moment in every answer, in the last third of the life', async () => {
    const { token } = await service.createToken();
    const privateKey = await generatePrivateKey();
    const csr = await csrPem({ commonName: 'punctual', privateKey });
    const first = await service.enroll(token, csr);
    const again = await service.enroll(token, csr);
    expect(again.body.renewAfter).toBe(first.body.renewAfter);
    const { notBefore, notAfter, renewAfter } = first.body;
    const part =
      (Date.parse(renewAfter) - Date.parse(notBefore)) / (Date.parse(notAfter) - Date.parse(notBefore));
    expect(part).toBeGreaterThan(0.666);
    expect(part).toBeLessThan(0.751);
  });
});

describe('asked again', () => {
  it('for the same key, with the old certificate, gives the same certificate', async () => {
    const old = await enrollHolder(service, 'again');
    const privateKey = await generatePrivateKey();
    const first = await askRenewal(service, old, { privateKey });
    const second = await askRenewal(service, old, { privateKey });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toEqual(first.body);
    expect(Object.keys(await statusesOf('again'))).toHaveLength(2);
  });

  it('by ten at the same time leads to one certificate', async () => {
    const old = await enrollHolder(service, 'racer');
    const answers = await Promise.all(Array.from({ length: 10 }, () => askRenewal(service, old)));
    expect(new Set(answers.map(({ body }) => body.certificate)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  });

  it('for another key supersedes the successor that nobody has used: they do not pile up', async () => {
    const old = await enrollHolder(service, 'undecided');
    const successors: Holder[] = [];
    for (let index = 0; index < 3; index++) {
      successors.push(await renewed(service, old, { privateKey: await generatePrivateKey() }));
    }
    const [first, second, third] = successors.map(({ serialNumber }) => serialNumber);
    expect(await statusesOf('undecided')).toEqual({
      [old.serialNumber]: 'active',
      [String(first)]: 'superseded',
      [String(second)]: 'superseded',
      [String(third)]: 'active',
    });
    expect(await eventsOf('undecided')).toContainEqual({
      action: 'certificate.superseded',
      subject: 'undecided',
      data: { serialNumbers: [first], by: second },
    });
  });

  it('for other keys by ten at the same time leaves one unused successor', async () => {
    const old = await enrollHolder(service, 'ten-keys');
    const keys = await Promise.all(Array.from({ length: 10 }, () => generatePrivateKey()));
    await Promise.all(keys.map((privateKey) => askRenewal(service, old, { privateKey })));
    const active = Object.values(await statusesOf('ten-keys')).filter((status) => status === 'active');
    expect(active).toHaveLength(2);
  });

  it('with the successor itself counts as its first use', async () => {
    const old = await enrollHolder(service, 'onward');
    const second = await renewed(service, old);
    const third = await renewed(service, second);
    expect(await statusesOf('onward')).toEqual({
      [old.serialNumber]: 'superseded',
      [second.serialNumber]: 'active',
      [third.serialNumber]: 'active',
    });
    expect((await certificateOf(service, second)).firstUsedAt).not.toBeNull();
    expect((await askRenewal(service, old)).body.code).toBe('certificate_superseded');
  });
});

describe('a token for exactly this device', () => {
  it('ends both the old certificate and its unused successor', async () => {
    const old = await enrollHolder(service, 'replaced');
    const successor = await renewed(service, old);
    const fresh = await enrollHolder(service, 'replaced', { device: 'replaced' });
    expect(await statusesOf('replaced')).toEqual({
      [old.serialNumber]: 'superseded',
      [successor.serialNumber]: 'superseded',
      [fresh.serialNumber]: 'active',
    });
    expect((await askRenewal(service, successor)).body.code).toBe('certificate_superseded');
  });
});

describe('a device that is', () => {
  it('suspended cannot renew, and can again once it is resumed', async () => {
    const old = await enrollHolder(service, 'paused');
    const successor = await renewed(service, old);
    await service.operator('POST', '/devices/paused/suspend', {});
    for (const holder of [old, successor]) {
      const { status, body } = await askRenewal(service, holder);
      expect([status, body.code]).toEqual([403, 'device_suspended']);
    }
    await service.operator('POST', '/devices/paused/resume', {});
    expect((await askRenewal(service, old)).body.serialNumber).toBe(successor.serialNumber);
  });

  it('revoked cannot renew, neither by the old certificate nor by its unused successor', async () => {
    const old = await enrollHolder(service, 'gone');
    const successor = await renewed(service, old);
    await service.operator('POST', '/devices/gone/revoke', {});
    for (const holder of [old, successor]) {
      const { status, body } = await askRenewal(service, holder);
      expect([status, body.code]).toEqual([403, 'device_revoked']);
    }
    expect(await statusOf(service, successor)).toBe('revoked');
  });
});
