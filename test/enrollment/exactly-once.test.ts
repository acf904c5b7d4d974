/** Invariant 2: the same token and public key lead to the same certificate, wherever the answer was lost. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { TokenView } from '../../core/api/tokens.ts';
import { generatePrivateKey, keyTypes } from '../../device-sim/identity/private-key.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder, {}, clock);
});
afterAll(() => service.close());

const usesOf = async (id: string) => {
  const { body } = await service.operator<{ items: TokenView[] }>('GET', '/tokens');
  return body.items.find((token) => token.id === id)?.uses;
};

describe('enrolling', () => {
  it.each(keyTypes.filter((type) => !/3072|4096/.test(type)))(
    'issues a certificate for a key of type %s',
    async (type) => {
      const privateKey = await generatePrivateKey(type);
      const { token } = await service.createToken({ device: `dev-${type}` });
      const { status, body } = await service.enroll(
        token,
        await csrPem({ commonName: `dev-${type}`, privateKey }),
      );

      expect(status).toBe(201);
      const certificate = new X509Certificate(body.certificate);
      expect(certificate.subject).toBe(`CN=dev-${type}`);
      expect(certificate.checkPrivateKey(privateKey)).toBe(true);
      const issuing = new X509Certificate(body.chain);
      expect(certificate.verify(issuing.publicKey)).toBe(true);
      expect(issuing.verify(new X509Certificate(service.ca).publicKey)).toBe(true);
      expect(body.serialNumber).toBe(certificate.serialNumber);
      expect(Date.parse(body.renewAfter)).toBeLessThan(Date.parse(body.notAfter));
      expect(body.mqttUrl).toMatch(/^mqtts:\/\//);
    },
  );

  it('supplies the CN where the token names one device and the request none', async () => {
    const { token } = await service.createToken({ device: 'named-by-token' });
    const { body } = await service.enroll(
      token,
      await csrPem({ commonName: null, privateKey: await generatePrivateKey() }),
    );
    expect(body.deviceId).toBe('named-by-token');
  });

  it('takes the PEM file itself as the body, and answers the PEM chain where that is asked for', async () => {
    const { token } = await service.createToken();
    const { status, body } = await service.call<string>(`${service.enrollUrl}/v1/enroll`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/pkcs10',
        accept: 'application/pem-certificate-chain',
      },
      body: await csrPem({ commonName: 'by-curl', privateKey: await generatePrivateKey() }),
    });
    expect(status).toBe(201);
    expect(body.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(new X509Certificate(body).subject).toBe('CN=by-curl');
  });
});

describe('the same token with the same key', () => {
  it('is answered with the same certificate and counted once', async () => {
    const { id, token } = await service.createToken();
    const csr = await csrPem({ commonName: 'again', privateKey: await generatePrivateKey() });
    const first = await service.enroll(token, csr);
    const second = await service.enroll(token, csr);

    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body.certificate).toBe(first.body.certificate);
    expect(await usesOf(id)).toBe(1);
  });

  it('leads to one certificate where twenty requests race', async () => {
    const { id, token } = await service.createToken({ maxUses: 20 });
    const csr = await csrPem({ commonName: 'racer', privateKey: await generatePrivateKey() });
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.enroll(token, csr)));

    expect(new Set(answers.map(({ body }) => body.certificate)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(await usesOf(id)).toBe(1);
    const { body } = await service.operator<DeviceDetail>('GET', '/devices/racer');
    expect(body.certificates).toHaveLength(1);
  });

  it('is answered with it even after the token has expired', async () => {
    const { token } = await service.createToken({ expiresIn: 60 });
    const csr = await csrPem({ commonName: 'late', privateKey: await generatePrivateKey() });
    const first = await service.enroll(token, csr);
    const other = await csrPem({ commonName: 'later', privateKey: await generatePrivateKey() });
    clock.ahead = 60_000;
    expect((await service.enroll(token, other)).body.code).toBe('token_expired');
    expect((await service.enroll(token, csr)).body.certificate).toBe(first.body.certificate);
    clock.ahead = 0;
  });
});

describe('a token for one use', () => {
  it('gives one of ten racing keys a certificate', async () => {
    const { token } = await service.createToken();
    const answers = await Promise.all(
      Array.from({ length: 10 }, async (_, index) =>
        service.enroll(
          token,
          await csrPem({ commonName: `one-of-${index}`, privateKey: await generatePrivateKey() }),
        ),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.code === 'token_spent')).toHaveLength(9);
  });
});

describe('enrolling anew', () => {
  it('is refused to a token that does not name exactly this device', async () => {
    const { token } = await service.createToken({ maxUses: 5, device: 'pump-*' });
    const enroll = async () =>
      service.enroll(token, await csrPem({ commonName: 'pump-1', privateKey: await generatePrivateKey() }));
    expect((await enroll()).status).toBe(201);
    expect((await enroll()).body.code).toBe('device_already_enrolled');
  });

  it('supersedes the certificate that the device had', async () => {
    const enroll = async () => {
      const { token } = await service.createToken({ device: 'valve-1' });
      return service.enroll(
        token,
        await csrPem({ commonName: 'valve-1', privateKey: await generatePrivateKey() }),
      );
    };
    const first = await enroll();
    const second = await enroll();
    expect(second.status).toBe(201);
    const { body } = await service.operator<DeviceDetail>('GET', '/devices/valve-1');
    const statuses = Object.fromEntries(
      body.certificates.map(({ serialNumber, status }) => [serialNumber, status]),
    );
    expect(statuses).toEqual({
      [first.body.serialNumber]: 'superseded',
      [second.body.serialNumber]: 'active',
    });
  });
});
