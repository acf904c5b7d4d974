/** EST's operations as a client meets them: forms of a request, forms of an answer, labels. */
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { certificatesIn } from './certificates-in.ts';
import { basic, callEst, callOver, connectTo, csrDer, csrText, type EstAnswer } from './est-client.ts';

const CERTS_ONLY = 'application/pkcs7-mime; smime-type=certs-only';
/** As long as strongSwan's buffer. */
const HEAD_LIMIT = 1_024;
const inLines = (text: string, length: number, end: string) =>
  text.replace(new RegExp(`.{1,${length}}`, 'g'), `$&${end}`);

describeWith(['openssl'], 'EST', () => {
  const folder = temporaryFolder();
  let service: TestEnroll;
  let privateKey: KeyObject;
  let token: string;
  let der: Buffer;
  let issued: string;
  const enroll = (body: string, headers: Readonly<Record<string, string>> = {}) =>
    callEst(service, {
      path: '/simpleenroll',
      body,
      headers: { ...basic('press-7', token), ...headers },
    });

  beforeAll(async () => {
    service = await startTestEnroll(folder);
    privateKey = await generatePrivateKey();
    token = (await service.createToken({ device: 'press-7' })).token;
    der = csrDer({ commonName: 'press-7', privateKey });
    const { body } = await enroll(der.toString('base64'));
    issued = certificatesIn(body)[0]?.fingerprint256 ?? '';
  });
  afterAll(() => service.close());

  function expectForm(answer: EstAnswer, lines: boolean): void {
    expect(answer.headers).toMatchObject({
      'content-type': CERTS_ONLY,
      'content-transfer-encoding': 'base64',
      'content-length': String(answer.body.length),
    });
    expect(answer.headers['transfer-encoding']).toBeUndefined();
    expect(answer.head.length).toBeLessThan(HEAD_LIMIT);
    expect(answer.head).not.toMatch(/ratelimit/i);
    // libest knows these names in this spelling alone.
    expect(answer.head).toMatch(/^Content-Type: /m);
    expect(answer.head).toMatch(/^Content-Length: \d/m);
    expect(answer.body).toMatch(lines ? /^(?:[A-Za-z0-9+/=]{1,64}\n)+$/ : /^[A-Za-z0-9+/=]+$/);
  }

  it('simpleenroll answers the certificate alone, for the key and name of the request', async () => {
    const answer = await enroll(der.toString('base64'));
    expect(answer.status).toBe(200);
    const [certificate, ...others] = certificatesIn(answer.body);
    expect(others).toEqual([]);
    expect(certificate?.subject).toBe('CN=press-7');
    expect(certificate?.checkPrivateKey(privateKey)).toBe(true);
    const { body } = await service.operator<DeviceDetail>('GET', '/devices/press-7');
    expect(body.certificates.map(({ pem }) => pem.trim())).toEqual([String(certificate).trim()]);
  });

  const base64 = () => der.toString('base64');
  const forms: readonly [string, () => string, boolean][] = [
    ['in one piece', base64, false],
    ['in one piece with a line break at its end', () => `${base64()}\n`, false],
    ['in lines of 64', () => inLines(base64(), 64, '\n'), true],
    ['in lines of 76 with CRLF', () => inLines(base64(), 76, '\r\n'), true],
    ['in lines of 4 with blank lines and tabs', () => `\n\t ${inLines(base64(), 4, '\n\n\t')}`, true],
    ['with blanks but no line breaks', () => inLines(base64(), 10, ' \t\v\f'), false],
    ['as PEM', () => encodePem('CERTIFICATE REQUEST', der), true],
    ['as PEM with the older label', () => encodePem('NEW CERTIFICATE REQUEST', der), true],
  ];
  it.each(forms)('a request %s is read, and answered in its own wrapping', async (_name, body, lines) => {
    const answer = await enroll(body());
    expect([answer.status, certificatesIn(answer.body)[0]?.fingerprint256]).toEqual([200, issued]);
    expectForm(answer, lines);
  });

  it.each([
    { 'Content-Type': 'application/pkcs10; charset=utf-8' },
    { 'Content-Type': 'Application/PKCS10;foo=bar' },
    { 'Content-Transfer-Encoding': 'base64' },
    { 'Content-Transfer-Encoding': 'binary' },
    { Accept: 'text/plain' },
  ])('a request with %j is read', async (headers) => {
    expect((await enroll(base64(), headers)).status).toBe(200);
  });

  it.each(['press-7', '', 'somebody:with:colons', 'ü'])('the user name of Basic may be %j', async (user) => {
    const answer = await enroll(base64(), basic(user, token));
    expect(answer.status).toBe(200);
  });

  it('POST /v1/enroll takes the same forms', async () => {
    for (const [, body] of forms) {
      const { status } = await service.call(`${service.enrollUrl}/v1/enroll`, {
        method: 'POST',
        headers: { 'content-type': 'application/pkcs10', authorization: `Bearer ${token}` },
        body: body(),
      });
      expect(status).toBe(200);
    }
  });

  it('cacerts gives root and issuing CA to anybody', async () => {
    for (const agent of [undefined, 'curl/7.88.1']) {
      const headers = agent === undefined ? {} : { 'User-Agent': agent };
      const answer = await callEst(service, { path: '/cacerts', headers });
      expect(answer.status).toBe(200);
      expectForm(answer, agent !== undefined);
      const certificates = certificatesIn(answer.body);
      expect(certificates.map(({ subject }) => subject).sort()).toEqual([
        'CN=Gatehouse Issuing CA',
        'CN=Gatehouse Root CA',
      ]);
      const root = certificates.find(({ subject }) => subject === 'CN=Gatehouse Root CA');
      expect(String(root).trim()).toBe(service.ca.trim());
    }
  });

  it('the label of a path names a group; without one, any will do', async () => {
    for (const path of ['/cacerts', '/devices/cacerts']) {
      expect((await callEst(service, { path })).status).toBe(200);
    }
    const call = { body: base64(), headers: basic('', token) };
    expect((await callEst(service, { path: '/devices/simpleenroll', ...call })).status).toBe(200);
  });

  it.each(['nowhere', 'DEVICES', '%20', 'a%2fb', '..%2f', 'x'.repeat(80)])(
    'the label %s, which names no group, is not found',
    async (label) => {
      const calls = [
        callEst(service, { path: `/${label}/cacerts` }),
        callEst(service, { path: `/${label}/csrattrs` }),
        callEst(service, { path: `/${label}/simpleenroll`, body: base64(), headers: basic('', token) }),
        callEst(service, { path: `/${label}/serverkeygen`, body: base64(), headers: basic('', token) }),
      ];
      for (const { status } of await Promise.all(calls)) expect(status).toBe(404);
    },
  );

  it('a token of another group is not allowed under a label', async () => {
    await service.operator('PUT', '/groups/pumps', { profile: 'device', policy: 'device' });
    const { body } = await callEst(service, {
      path: '/pumps/simpleenroll',
      body: base64(),
      headers: basic('', token),
    });
    expect(body).toMatch(/^token_group_mismatch: /);
    const pumps = await service.createToken({ group: 'pumps', device: 'pump-1' });
    const csr = csrText({ commonName: 'pump-1', privateKey: await generatePrivateKey() });
    const call = { body: csr, headers: basic('', pumps.token) };
    expect((await callEst(service, { path: '/devices/simpleenroll', ...call })).status).toBe(403);
    expect((await callEst(service, { path: '/pumps/simpleenroll', ...call })).status).toBe(200);
    const device = await service.operator<DeviceDetail>('GET', '/devices/pump-1');
    expect(device.body.group).toBe('pumps');
  });

  it('several calls go over one connection', async () => {
    const socket = await connectTo(service);
    const call = { path: '/simpleenroll', body: base64(), headers: basic('', token) };
    for (const each of [{ path: '/cacerts' }, call, { path: '/csrattrs' }, call]) {
      expect((await callOver(socket, each)).status).toBe(each.path === '/csrattrs' ? 204 : 200);
    }
    socket.destroy();
  });

  it('closes the connection after the answer where the client says so, as libest does to know its end', async () => {
    const socket = await connectTo(service);
    await callOver(socket, { path: '/cacerts', headers: { Connection: 'close' } });
    if (!socket.destroyed) await once(socket, 'close');
    expect(socket.destroyed).toBe(true);
  });
});
