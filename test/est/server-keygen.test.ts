/** serverkeygen: a key and its certificate in one answer, where the profile lets Gatehouse make keys. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { implicit, objectIdentifier, octetString, sequence, setOf } from '../../core/pki/der.ts';
import { oids } from '../../core/pki/oids.ts';
import { generatePrivateKey, type KeyType } from '../../device-sim/identity/private-key.ts';
import { buildRequest, nameOf } from '../pki/request-builder.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { certificatesIn } from './certificates-in.ts';
import { basic, callEst, csrText, type EstAnswer } from './est-client.ts';

interface Part {
  readonly head: string;
  readonly body: string;
}

/** The parts of a multipart body (RFC 2046 §5.1). */
function partsOf({ headers, body }: EstAnswer): Part[] {
  const boundary = /^multipart\/mixed; boundary=(\S+)$/.exec(headers['content-type'] ?? '')?.[1];
  const [preamble, ...rest] = `\r\n${body}`.split(`\r\n--${boundary}`);
  expect([preamble, rest.pop()]).toEqual(['', '--\r\n']);
  return rest.map((part) => {
    const [head = '', content = ''] = part.replace(/^\r\n/, '').split('\r\n\r\n');
    return { head, body: content };
  });
}

describeWith(['openssl'], 'serverkeygen', () => {
  const folder = temporaryFolder();
  let service: TestEnroll;
  let placeholder: KeyObject;
  const call = (token: string, body: string, path = '/serverkeygen') =>
    callEst(service, { path, body, headers: basic('', token) });

  beforeAll(async () => {
    service = await startTestEnroll(folder);
    placeholder = await generatePrivateKey();
    const profile = { name: 'keyless', validity: '30d', serverKeygen: true };
    await service.operator('PUT', '/profiles/keyless', profile);
    await service.operator('PUT', '/groups/keyless', { profile: 'keyless', policy: 'device' });
  });
  afterAll(() => service.close());

  it.each(['ec-p256', 'ec-p384', 'ed25519', 'rsa-2048'] satisfies KeyType[])(
    'makes a key of the kind of the request: %s',
    async (type) => {
      const { token } = await service.createToken({ group: 'keyless' });
      const privateKey = await generatePrivateKey(type);
      const answer = await call(token, csrText({ commonName: `dev-${type}`, privateKey }));
      expect([answer.status, answer.headers['content-length']]).toEqual([200, String(answer.body.length)]);
      expect(answer.headers['cache-control']).toBe('no-store');
      const [key, certificate, ...others] = partsOf(answer);
      expect(others).toEqual([]);
      expect(key?.head.split('\r\n')).toEqual([
        'Content-Type: application/pkcs8',
        'Content-Transfer-Encoding: base64',
      ]);
      expect(certificate?.head.split('\r\n')).toEqual([
        'Content-Type: application/pkcs7-mime; smime-type=certs-only',
        'Content-Transfer-Encoding: base64',
      ]);
      const [issued] = certificatesIn(certificate?.body ?? '');
      const made = createPrivateKey({
        key: Buffer.from(key?.body ?? '', 'base64'),
        format: 'der',
        type: 'pkcs8',
      });
      expect(issued?.checkPrivateKey(made)).toBe(true);
      expect(issued?.checkPrivateKey(privateKey)).toBe(false);
      expect([made.asymmetricKeyType, made.asymmetricKeyDetails]).toEqual([
        privateKey.asymmetricKeyType,
        privateKey.asymmetricKeyDetails,
      ]);
      expect(issued?.subject).toBe(`CN=dev-${type}`);
    },
  );

  it('answers in the wrapping of the request', async () => {
    for (const lines of [false, true]) {
      const { token } = await service.createToken({ group: 'keyless' });
      const csr = csrText({ commonName: `wrapped-${lines}`, privateKey: placeholder });
      const parts = partsOf(await call(token, lines ? csr.replace(/.{64}/g, '$&\n') : csr));
      expect(parts.map(({ body }) => body.includes('\n'))).toEqual([lines, lines]);
    }
  });

  it('makes another key, at the cost of another use, where it is asked again', async () => {
    const { token } = await service.createToken({ group: 'keyless', device: 'twice', maxUses: 2 });
    const csr = csrText({ commonName: 'twice', privateKey: placeholder });
    const answers = [await call(token, csr), await call(token, csr), await call(token, csr)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 403]);
    expect(answers[2]?.body).toMatch(/^token_spent: /);
    const [first, second] = answers.slice(0, 2).map((answer) => partsOf(answer)[0]?.body);
    expect(first).not.toBe(second);
    const { body } = await service.operator<DeviceDetail>('GET', '/devices/twice');
    expect(body.certificates.map(({ status }) => status).sort()).toEqual(['active', 'superseded']);
  });

  it('makes a key even for a request whose own key was certified before', async () => {
    const { token } = await service.createToken({ group: 'keyless', device: 'both', maxUses: 2 });
    const privateKey = await generatePrivateKey();
    const csr = csrText({ commonName: 'both', privateKey });
    expect((await call(token, csr, '/simpleenroll')).status).toBe(200);
    const parts = partsOf(await call(token, csr));
    expect(certificatesIn(parts[1]?.body ?? '')[0]?.checkPrivateKey(privateKey)).toBe(false);
  });

  it('keeps the key nowhere, and says in the journal that it made one', async () => {
    const { token } = await service.createToken({ group: 'keyless' });
    const [key] = partsOf(await call(token, csrText({ commonName: 'forgotten', privateKey: placeholder })));
    // The scalar of a P-256 key: what any form of it has to hold (RFC 5915 §3).
    const secret = Buffer.from(key?.body ?? '', 'base64').subarray(36, 68);
    expect(secret).toHaveLength(32);
    const stored = readdirSync(service.settings.data, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    expect(stored.length).toBeGreaterThan(3);
    for (const form of [secret, secret.toString('hex'), secret.toString('base64').slice(1, 40)]) {
      expect(stored.some((bytes) => bytes.includes(form))).toBe(false);
    }
    const journal = await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=1000');
    const row = journal.body.items.find(({ event }) => event.subject === 'forgotten');
    expect(row?.event).toMatchObject({ action: 'device.enrolled', data: { keyFrom: 'server' } });
  });

  it('is refused where the profile does not say that it may be, and costs no use', async () => {
    const { token } = await service.createToken({ device: 'press-7' });
    const csr = csrText({ commonName: 'press-7', privateKey: placeholder });
    const answer = await call(token, csr);
    expect([answer.status, answer.body]).toEqual([403, expect.stringMatching(/^server_keygen_disabled: /)]);
    expect((await call(token, csr, '/simpleenroll')).status).toBe(200);
  });

  it('is refused without a token, and with a request that its key did not sign', async () => {
    const csr = csrText({ commonName: 'press-7', privateKey: placeholder });
    expect((await callEst(service, { path: '/serverkeygen', body: csr })).status).toBe(401);
    const { token } = await service.createToken({ group: 'keyless' });
    const der = Buffer.from(csr, 'base64');
    const forged = Buffer.concat([der.subarray(0, -1), Buffer.of((der.at(-1) ?? 0) ^ 1)]).toString('base64');
    const answer = await call(token, forged);
    expect([answer.status, answer.body]).toEqual([400, expect.stringMatching(/^csr_signature_invalid: /)]);
  });

  it.each([oids.decryptKeyIdentifier, oids.asymmetricDecryptKeyIdentifier])(
    'is refused where the request wants the key encrypted (%s), rather than sending it plain',
    async (oid) => {
      const { token } = await service.createToken({ group: 'keyless' });
      const attributes = implicit(0, sequence(objectIdentifier(oid), setOf(octetString(Buffer.from('id')))));
      const der = buildRequest({ privateKey: placeholder, subject: nameOf('secretive'), attributes });
      const answer = await call(token, Buffer.from(der).toString('base64'));
      expect([answer.status, answer.body]).toEqual([
        400,
        expect.stringMatching(/^key_encryption_unsupported: /),
      ]);
    },
  );
});
