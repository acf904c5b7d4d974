/** Devices enroll by the certificates they left their factories with (IEEE 802.1AR), without a token. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, request as undiciRequest } from 'undici';
import type { JournalRow } from '../../core/journal/events.ts';
import { certificatesIn } from '../est/certificates-in.ts';
import { callEst, csrText } from '../est/est-client.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import {
  dnsName,
  type Made,
  makeDevice,
  makeIntermediate,
  makeRoot,
  NO_EXPIRY,
  newKey,
  uriName,
} from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { detailOf, enrollBy, enrolledBy, expectRefused, importDevice, register } from './factory.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let root: Made;
let line: Made;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  root = await makeRoot('Acme Root');
  line = await makeIntermediate('Acme Line 1', root);
  await register(service, 'acme', [root]);
});
afterAll(() => service.close());

describe('a factory certificate', () => {
  it('issued by the CA itself, without an end to its life, enrolls its device', async () => {
    const device = await makeDevice(root, { cn: 'press-1', o: 'Acme' }, { notAfter: NO_EXPIRY });
    const privateKey = newKey();
    const { deviceId, certificate } = await enrolledBy(service, device, { privateKey });
    expect(deviceId).toBe('press-1');
    const issued = new X509Certificate(certificate);
    expect(issued.subject).toBe('CN=press-1');
    expect(issued.checkPrivateKey(privateKey)).toBe(true);
    expect(await detailOf(service, 'press-1')).toMatchObject({
      group: 'devices',
      factory: { manufacturer: 'acme', certificate: device.certificate.fingerprint },
      releasedAt: null,
    });
  });

  it('issued by an intermediate that the device sends along enrolls it too', async () => {
    await enrolledBy(service, await makeDevice(line, { cn: 'press-2' }), { commonName: 'press-2' });
  });

  it('counts for every request on its connection', async () => {
    const device = await makeDevice(line, { cn: 'press-3' });
    const agent = new Agent({
      connections: 1,
      connect: { ca: service.ca, key: device.key, cert: device.cert },
    });
    const body = JSON.stringify({ csr: await csrPem({ commonName: null, privateKey: newKey() }) });
    const statuses: number[] = [];
    // What looks at the peer's certificate first takes the rest of the chain out of Node's hands.
    for (const path of ['/v1/renew', '/v1/enroll', '/v1/enroll']) {
      const headers = { 'content-type': 'application/json' };
      const answer = await undiciRequest(service.enrollUrl + path, {
        dispatcher: agent,
        method: 'POST',
        headers,
        body,
      });
      await answer.body.dump();
      statuses.push(answer.statusCode);
    }
    await agent.close();
    expect(statuses).toEqual([403, 201, 200]);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('works with %s, and over EST', async (version) => {
    const device = await makeDevice(line, { cn: `est-${version}` });
    const body = csrText({ commonName: `est-${version}`, privateKey: newKey() });
    const tls = { key: device.key, cert: device.cert, minVersion: version, maxVersion: version };
    for (const path of ['/simpleenroll', '/devices/simpleenroll']) {
      const answer = await callEst(service, { path, body, tls });
      expect([answer.status, answer.status === 200 ? '' : answer.body]).toEqual([200, '']);
      expect(certificatesIn(answer.body).map(({ subject }) => subject)).toEqual([`CN=est-${version}`]);
    }
    const other = await callEst(service, { path: '/services/simpleenroll', body, tls });
    expect([other.status, other.body]).toEqual([403, expect.stringMatching(/^device_group_mismatch: /)]);
  });

  it('is taken with the request alone as the body, as curl sends it', async () => {
    const identity = await makeDevice(line, { cn: 'by-curl' });
    const { status, body } = await service.call<string>(`${service.enrollUrl}/v1/enroll`, {
      method: 'POST',
      headers: { 'content-type': 'application/pkcs10', accept: 'application/pem-certificate-chain' },
      body: await csrPem({ commonName: 'by-curl', privateKey: newKey() }),
      identity,
    });
    expect([status, body.match(/BEGIN CERTIFICATE/g)?.length]).toEqual([201, 2]);
  });

  it('may have its own key certified', async () => {
    const device = await makeDevice(line, { cn: 'one-key' });
    await enrolledBy(service, device, { privateKey: device.privateKey });
    const other = await makeDevice(line, { cn: 'copy-cat' });
    await expectRefused(enrollBy(service, other, { privateKey: device.privateKey }), 409, 'key_in_use');
  });

  it('is written into the journal, with whose it was', async () => {
    const device = await makeDevice(line, { cn: 'noted' });
    const { serialNumber } = await enrolledBy(service, device);
    const { body } = await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=10000');
    const row = body.items.find(({ event }) => event.subject === 'noted');
    expect(row).toMatchObject({
      actor: 'device:noted',
      event: {
        action: 'device.enrolled',
        data: { serialNumber, manufacturer: 'acme', factoryCertificate: device.certificate.fingerprint },
      },
    });
    expect(row?.event.data).not.toHaveProperty('token');
  });
});

describe('the device ID', () => {
  it.each([
    ['serialNumber', { cn: 'Model 7', serialNumber: '0042' }, undefined, 'sn-0042'],
    ['dns', { cn: 'Model 7' }, [dnsName('d7.example.com'), uriName('urn:x:1')], 'sn-d7.example.com'],
    [
      'uri',
      { cn: 'Model 7' },
      [dnsName('d7'), uriName('urn:dev:mac:0024befffe804ff1')],
      'sn-urn:dev:mac:0024befffe804ff1',
    ],
  ] as const)('comes from %s, with the prefix before it', async (idFrom, subject, san, id) => {
    const ca = await makeRoot(`Root for ${idFrom}`);
    await register(service, `by-${idFrom.toLowerCase()}`, [ca], { idFrom, idPrefix: 'sn-' });
    const device = await makeDevice(ca, subject, san === undefined ? {} : { san });
    expect((await enrolledBy(service, device)).deviceId).toBe(id);
  });

  it.each([
    ['is outside the grammar', { cn: 'a/b' }],
    ['is too long', { cn: 'x'.repeat(65) }],
    ['is empty', { cn: '' }],
    ['is not there', { o: 'Acme' }],
  ])('that %s is refused', async (_how, subject) => {
    await expectRefused(enrollBy(service, await makeDevice(line, subject)), 403, 'factory_id_invalid');
  });

  it('that stands there twice is refused', async () => {
    const device = await makeDevice(line, { cn: 'first', '2.5.4.3': 'second' });
    await expectRefused(enrollBy(service, device), 403, 'factory_id_invalid');
  });

  it('is not for the request to choose', async () => {
    const device = await makeDevice(line, { cn: 'humble' });
    await expectRefused(enrollBy(service, device, { commonName: 'proud' }), 403, 'cn_not_allowed');
    await enrolledBy(service, device, { commonName: 'humble' });
  });
});

describe('devices that are to be listed', () => {
  let ca: Made;
  beforeAll(async () => {
    ca = await makeRoot('Listed Root');
    await register(service, 'listed', [ca], { admit: 'listed', group: null });
  });

  it('enroll once they were imported, with the group and the attributes of their records', async () => {
    const device = await makeDevice(ca, { cn: 'listed-1' });
    await expectRefused(enrollBy(service, device), 403, 'device_not_listed');
    await importDevice(service, 'listed-1', { group: 'services', attributes: { site: 'north' } });
    await enrolledBy(service, device);
    expect(await detailOf(service, 'listed-1')).toMatchObject({
      group: 'services',
      attributes: { site: 'north' },
    });
  });

  it.each(['listed', 'any'] as const)(
    'of another group than that of the manufacturer, where it is for one, are refused (%s)',
    async (admit) => {
      const narrow = await makeRoot(`Narrow Root ${admit}`);
      await register(service, `narrow-${admit}`, [narrow], { admit, group: 'devices' });
      await importDevice(service, `service-${admit}`, { group: 'services' });
      await importDevice(service, `device-${admit}`);
      const service1 = await makeDevice(narrow, { cn: `service-${admit}` });
      await expectRefused(enrollBy(service, service1), 403, 'device_group_mismatch');
      await enrolledBy(service, await makeDevice(narrow, { cn: `device-${admit}` }));
      const unknown = enrollBy(service, await makeDevice(narrow, { cn: `unknown-${admit}` }));
      if (admit === 'listed') await expectRefused(unknown, 403, 'device_not_listed');
      else expect((await unknown).status).toBe(201);
    },
  );
});

describe('where there is a token too', () => {
  it('the token decides', async () => {
    const device = await makeDevice(line, { cn: 'from-factory' });
    const { token } = await service.createToken({ device: 'from-token' });
    expect((await enrolledBy(service, device, { token })).deviceId).toBe('from-token');
    await expectRefused(enrollBy(service, device, { token: 'nonsense' }), 401, 'token_unknown');
    await enrolledBy(service, device);
  });

  it('even one that cannot be read', async () => {
    const identity = await makeDevice(line, { cn: 'digest' });
    const answer = await service.call<{ code: string }>(`${service.enrollUrl}/v1/enroll`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Digest username="digest"' },
      body: JSON.stringify({ csr: await csrPem({ commonName: null, privateKey: newKey() }) }),
      identity,
    });
    expect([answer.status, answer.body.code]).toEqual([401, 'token_missing']);
  });
});
