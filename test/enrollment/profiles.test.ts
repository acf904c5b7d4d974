/** Profiles at work: judged before they are stored, shown by an example, and followed by every certificate since. */
import { createPublicKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import type { OperatorCreated } from '../../core/api/operators.ts';
import type { Problem } from '../../core/api/problem.ts';
import type { ProfileTestResult } from '../../core/api/profiles.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { journalWithoutLists } from '../support/journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { askRenewal, enrollHolder, holderOf } from './renewing.ts';

const folder = temporaryFolder();
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder, { mqttUrl: 'mqtts://Broker.example:8883' });
});
afterAll(() => service.close());

const gateway = {
  validity: '30d',
  keys: ['ec-p384', 'ec-p256'],
  extendedKeyUsage: ['clientAuth', 'serverAuth'],
  subject: { organization: 'Example', organizationalUnit: '{group}', serialNumber: '{attr.serial}' },
  subjectAltNames: { uri: ['urn:example:device:{id}'], dns: ['{id}.devices.example'] },
};

const apply = (name: string, document: object) =>
  service.operator<Problem>('PUT', `/profiles/${name}`, document);
const test = (body: object, token?: string) =>
  service.operator<ProfileTestResult & Problem>('POST', '/profiles/test', body, token);

/** A group with this profile. */
async function groupWith(name: string, document: object): Promise<void> {
  expect((await apply(name, document)).status).toBe(200);
  const group = { profile: name, policy: 'device' };
  expect((await service.operator('PUT', `/groups/${name}`, group)).status).toBe(200);
}
async function enroll(id: string, group: string) {
  const { token } = await service.createToken({ device: id, group });
  const privateKey = await generatePrivateKey();
  return { privateKey, ...(await service.enroll(token, await csrPem({ commonName: id, privateKey }))) };
}
const namesIn = ({ certificate }: Pick<EnrollResponse, 'certificate'>) => {
  const { subject, subjectAltName, keyUsage } = new X509Certificate(certificate);
  return { subject, subjectAltName, keyUsage };
};

describe('the example', () => {
  it('is a certificate for a made-up device with every attribute that is asked for', async () => {
    const { status, body } = await test({ document: { name: 'gateway', ...gateway } });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      profile: 'gateway',
      device: { id: 'example', group: 'example', madeUp: true },
      attributes: { serial: 'example' },
      subject: 'O=Example, OU=example, serialNumber=example, CN=example',
      subjectAltNames: ['URI:urn:example:device:example', 'DNS:example.devices.example'],
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: ['clientAuth', 'serverAuth'],
      keys: ['ec-p384', 'ec-p256'],
      serverKeygen: false,
    });
    const certificate = new X509Certificate(body.certificate);
    expect(certificate.subject).toBe('O=Example\nOU=example\nserialNumber=example\nCN=example');
    expect(Date.parse(body.notBefore)).toBe(Date.parse(certificate.validFrom));
    expect(Date.parse(body.notAfter)).toBe(Date.parse(certificate.validTo));
    expect(Date.parse(body.notAfter) - Date.now()).toBeGreaterThan(29 * 86_400_000);
    expect(Date.parse(body.notAfter) - Date.now()).toBeLessThanOrEqual(30 * 86_400_000);
  });

  it('comes from a CA that is neither the real one nor known to anybody', async () => {
    const { body } = await test({ document: { name: 'gateway', ...gateway } });
    const certificate = new X509Certificate(body.certificate);
    expect(certificate.issuer).toBe('CN=Gatehouse Example CA\\, not to be trusted');
    const { body: issuers } = await service.operator<{ items: { pem: string }[] }>('GET', '/issuers');
    expect(issuers.items).toHaveLength(2);
    for (const { pem } of issuers.items) {
      expect(certificate.verify(createPublicKey(pem))).toBe(false);
    }
    const { status } = await service.operator('GET', `/certificates/${certificate.serialNumber}`);
    expect(status).toBe(404);
    const other = await test({ document: { name: 'gateway', ...gateway } });
    expect(new X509Certificate(other.body.certificate).serialNumber).not.toBe(certificate.serialNumber);
  });

  it('ends with the issuing CA, as the real certificate would', async () => {
    const { body } = await test({ document: { name: 'long', validity: '50y' } });
    const { body: issuers } = await service.operator<{ items: { kind: string; notAfter: string }[] }>(
      'GET',
      '/issuers',
    );
    expect(body.notAfter).toBe(issuers.items.find(({ kind }) => kind === 'issuing')?.notAfter);
  });

  it('can be for a device as it is registered, and is refused where its certificate would be', async () => {
    await enrollHolder(service, 'press_7');
    const tested = (fields: object) =>
      test({ document: { name: 'gateway', validity: '1d', ...fields }, device: 'press_7' });
    const serial = { subject: { serialNumber: '{attr.serial}', organizationalUnit: '{group}' } };
    const missing = await tested(serial);
    expect([missing.status, missing.body.code]).toEqual([409, 'attribute_missing']);
    await service.operator('PATCH', '/devices/press_7', { attributes: { serial: '4711', line: 'north' } });
    expect((await tested(serial)).body).toMatchObject({
      device: { id: 'press_7', group: 'devices', madeUp: false },
      attributes: { serial: '4711' },
      subject: 'OU=devices, serialNumber=4711, CN=press_7',
    });
    const noName = await tested({ subjectAltNames: { dns: ['{id}.devices.example'] } });
    expect([noName.status, noName.body.code]).toEqual([409, 'certificate_name_invalid']);
    expect((await test({ document: gateway, device: 'nobody' })).body.code).toBe('profile_invalid');
    expect((await test({ document: { name: 'g', ...gateway }, device: 'nobody' })).body.code).toBe(
      'device_unknown',
    );
  });

  it('is made for every kind of key', async () => {
    for (const kind of ['ec-p256', 'ec-p384', 'ed25519', 'rsa']) {
      const { status, body } = await test({ document: { name: 'one', validity: '1d', keys: [kind] } });
      expect([status, body.keys]).toEqual([200, [kind]]);
    }
  });

  it('is shown to viewers, and changes nothing', async () => {
    const { body: viewer } = await service.operator<OperatorCreated>('POST', '/operators', {
      name: 'watcher',
      role: 'viewer',
    });
    const before = await journalWithoutLists(service);
    expect((await test({ document: { name: 'unheard-of', ...gateway } }, viewer.token)).status).toBe(200);
    expect(await journalWithoutLists(service)).toEqual(before);
    expect((await service.operator('GET', '/profiles/unheard-of')).status).toBe(404);
    const { status, body } = await test({ document: { name: 'x', ...gateway }, extra: 1 });
    expect([status, body.code]).toEqual([400, 'request_invalid']);
  });
});

describe('a profile that no certificate can be issued under', () => {
  it.each<[field: string, document: object]>([
    ['subject.country', { subject: { country: 'Germany' } }],
    ['subject.organization', { subject: { organization: 'x'.repeat(65) } }],
    ['subject.serialNumber', { subject: { serialNumber: 'SN_1' } }],
    ['subjectAltNames.dns.1', { subjectAltNames: { dns: ['a.example', '*.example'] } }],
    ['subjectAltNames.dns.0', { subjectAltNames: { dns: ['localhost'] } }],
    ['subjectAltNames.dns.0', { subjectAltNames: { dns: ['broker.example'] } }],
    ['subjectAltNames.uri.0', { subjectAltNames: { uri: ['{id}'] } }],
    ['extendedKeyUsage.1', { extendedKeyUsage: ['clientAuth', 'OCSPSigning'] }],
    ['subjectAltNames', { subjectAltNames: { otherName: ['x'] } }],
  ])('is not stored, and the field is named: %s', async (field, document) => {
    const before = await journalWithoutLists(service);
    const { status, body } = await apply('unissuable', { validity: '1d', ...document });
    expect([status, body.code]).toEqual([400, 'profile_invalid']);
    expect(body.detail.startsWith(`${field}: `)).toBe(true);
    expect((await service.operator('GET', '/profiles/unissuable')).status).toBe(404);
    expect(await journalWithoutLists(service)).toEqual(before);
  });

  it('leaves the one of its name as it was', async () => {
    await apply('kept', { validity: '1d' });
    expect((await apply('kept', { validity: '2d', subject: { country: 'de' } })).status).toBe(400);
    const { body } = await service.operator<{ validity: string }>('GET', '/profiles/kept');
    expect(body.validity).toBe('1d');
  });
});

describe('a device', () => {
  it('gets the names and purposes of its profile, and nothing from its request', async () => {
    await groupWith('named', {
      ...gateway,
      subject: { organization: 'Example', organizationalUnit: '{group}' },
    });
    const { status, body } = await enroll('gw-1', 'named');
    expect(status).toBe(201);
    expect(namesIn(body)).toEqual({
      subject: 'O=Example\nOU=named\nCN=gw-1',
      subjectAltName: 'URI:urn:example:device:gw-1, DNS:gw-1.devices.example',
      keyUsage: ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1'],
    });
  });

  it('without an attribute that the profile needs gets nothing, and keeps the use of its token', async () => {
    await groupWith('serials', { validity: '1d', subject: { serialNumber: '{attr.serial}' } });
    const { token } = await service.createToken({ device: 'gw-2', group: 'serials' });
    const csr = await csrPem({ commonName: 'gw-2', privateKey: await generatePrivateKey() });
    const { status, body } = await service.enroll(token, csr);
    expect([status, body.code]).toEqual([409, 'attribute_missing']);
    expect(body.detail).toBe('subject.serialNumber: the device gw-2 has no attribute "serial"');
    expect((await service.operator('GET', '/devices/gw-2')).status).toBe(404);
    await service.operator('PUT', '/groups/serials', { profile: 'device', policy: 'device' });
    expect((await service.enroll(token, csr)).status).toBe(201);
  });

  it('is renewed under the profile, group and attributes of that moment', async () => {
    await groupWith('moving', { validity: '1d' });
    await groupWith('moved', {
      validity: '1d',
      subject: { organizationalUnit: '{group}', serialNumber: '{attr.serial}' },
    });
    const { privateKey, body } = await enroll('gw-3', 'moving');
    const holder = holderOf(body, privateKey);
    expect(namesIn(body).subject).toBe('CN=gw-3');
    await service.operator('PATCH', '/devices/gw-3', { group: 'moved' });
    const refused = await askRenewal(service, holder);
    expect([refused.status, refused.body.code]).toEqual([409, 'attribute_missing']);
    await service.operator('PATCH', '/devices/gw-3', { attributes: { serial: '47' } });
    const { status, body: renewed } = await askRenewal(service, holder);
    expect([status, namesIn(renewed).subject]).toEqual([201, 'OU=moved\nserialNumber=47\nCN=gw-3']);
  });

  it("cannot get one of Gatehouse's own names, by enrolling or by renewing", async () => {
    await groupWith('hosts', { validity: '1d', subjectAltNames: { dns: ['{id}'] } });
    for (const id of ['localhost', 'broker.example']) {
      const { status, body } = await enroll(id, 'hosts');
      expect([status, body.code]).toEqual([409, 'certificate_name_invalid']);
    }
    await groupWith('by-attribute', { validity: '1d', subjectAltNames: { dns: ['{attr.host}'] } });
    const { privateKey, body } = await enroll('gw-4', 'moving');
    await service.operator('PATCH', '/devices/gw-4', {
      group: 'by-attribute',
      attributes: { host: 'localhost' },
    });
    const answer = await askRenewal(service, holderOf(body, privateKey));
    expect([answer.status, answer.body.code]).toEqual([409, 'certificate_name_invalid']);
  });

  it('is told to renew when its profile says, also where an answer is repeated', async () => {
    await groupWith('early', { validity: '100d', renewAfter: '20%' });
    const { token } = await service.createToken({ device: 'gw-5', group: 'early' });
    const csr = await csrPem({ commonName: 'gw-5', privateKey: await generatePrivateKey() });
    const [first, again] = [await service.enroll(token, csr), await service.enroll(token, csr)];
    expect([first.status, again.status]).toEqual([201, 200]);
    const days = (Date.parse(first.body.renewAfter) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(19.9);
    expect(days).toBeLessThanOrEqual(40);
    expect(again.body.renewAfter).toBe(first.body.renewAfter);
  });
});
