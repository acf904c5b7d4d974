/** Every bad call gets its status and a line of plain text, and costs the token nothing. */
import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TokenView } from '../../core/api/tokens.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { basic, callEst, csrDer, csrText } from './est-client.ts';

const folders = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
let service: TestEnroll;
let key: KeyObject;
let csr: string;
beforeAll(async () => {
  service = await startTestEnroll(folders[0] ?? '');
  key = await generatePrivateKey();
  csr = csrText({ commonName: 'press-7', privateKey: key });
});
afterAll(() => service.close());

describe('without the credentials that simpleenroll needs', () => {
  const headers: readonly Readonly<Record<string, string>>[] = [
    {},
    { Authorization: '' },
    { Authorization: 'Basic' },
    { Authorization: 'Basic !!!' },
    { Authorization: `Basic ${Buffer.from('no colon').toString('base64')}` },
    { Authorization: `Basic ${'A'.repeat(5_000)}` },
    { Authorization: 'Digest username="press-7"' },
    basic('press-7', ''),
    basic('press-7', 'nonsense'),
    basic('press-7', `ghe_${'0'.repeat(12)}_${'A'.repeat(43)}`),
  ];
  it.each(headers)('%j is answered with a challenge', async (each) => {
    const sent = { 'User-Agent': 'curl', ...each };
    const answer = await callEst(service, { path: '/simpleenroll', body: csr, headers: sent });
    expect(answer.status).toBe(401);
    expect(answer.head).toMatch(/^WWW-Authenticate: Basic realm="gatehouse"\r$/m);
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.body).toMatch(/^token_(missing|unknown): [^\n]+\n$/);
  });

  // Bouncy Castle, which fails on a challenge with a body, sends no User-Agent and no credentials at first.
  it('who sends no User-Agent is challenged without a body, and told why its credentials are no good', async () => {
    const challenge = await callEst(service, { path: '/simpleenroll', body: csr });
    expect([challenge.status, challenge.headers['content-length'], challenge.body]).toEqual([401, '0', '']);
    expect(challenge.headers).toMatchObject({ 'www-authenticate': 'Basic realm="gatehouse"' });
    expect(challenge.headers['content-type']).toBeUndefined();
    const wrong = await callEst(service, {
      path: '/simpleenroll',
      body: csr,
      headers: basic('', 'nonsense'),
    });
    expect([wrong.status, wrong.body]).toEqual([401, expect.stringMatching(/^token_unknown: /)]);
  });

  it('a token as the user name is not one', async () => {
    const { token } = await service.createToken();
    const answer = await callEst(service, { path: '/simpleenroll', body: csr, headers: basic(token, '') });
    expect(answer.status).toBe(401);
  });
});

describe('a request that is', () => {
  const cases: readonly [string, () => string, number, string][] = [
    ['empty', () => '', 400, 'csr_not_pem'],
    ['not base64', () => 'hello!', 400, 'csr_not_pem'],
    ['cut off in its base64', () => csr.slice(0, -1), 400, 'csr_not_pem'],
    ['cut off in its DER', () => csrDerText((der) => der.subarray(0, -5)), 400, 'csr_malformed'],
    [
      'followed by a byte',
      () => csrDerText((der) => Buffer.concat([der, Buffer.of(0)])),
      400,
      'csr_trailing_data',
    ],
    ['two requests', () => csrDerText((der) => Buffer.concat([der, der])), 400, 'csr_trailing_data'],
    [
      'raw DER',
      () => csrDer({ commonName: 'press-7', privateKey: key }).toString('latin1'),
      400,
      'csr_not_pem',
    ],
    ['a certificate', () => service.ca, 400, 'csr_not_pem'],
    ['changed after it was signed', () => csrDerText(flipLast), 400, 'csr_signature_invalid'],
    [
      'for a name that is no device ID',
      () => csrText({ commonName: 'a/b', privateKey: key }),
      400,
      'cn_invalid',
    ],
    [
      'for a name the token is not for',
      () => csrText({ commonName: 'pump', privateKey: key }),
      403,
      'cn_not_allowed',
    ],
    ['too large', () => 'A'.repeat(33_000), 413, 'body_too_large'],
  ];
  const csrDerText = (change: (der: Buffer) => Buffer) =>
    change(csrDer({ commonName: 'press-7', privateKey: key })).toString('base64');
  const flipLast = (der: Buffer) => Buffer.concat([der.subarray(0, -1), Buffer.of((der.at(-1) ?? 0) ^ 1)]);

  it.each(cases)('%s is refused', async (_name, body, status, code) => {
    const { id, token } = await service.createToken({ device: 'press-*' });
    const answer = await callEst(service, { path: '/simpleenroll', body: body(), headers: basic('', token) });
    expect([answer.status, answer.body]).toEqual([status, expect.stringMatching(`^${code}: [^\n]+\n$`)]);
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
    const tokens = await service.operator<{ items: TokenView[] }>('GET', '/tokens');
    expect(tokens.body.items.find((one) => one.id === id)?.uses).toBe(0);
  });
});

describe('a call that', () => {
  it.each(['application/json', 'text/plain', 'application/octet-stream', 'application/pkcs10x', 'nonsense'])(
    'has the content type %s is not supported',
    async (type) => {
      const answer = await callEst(service, {
        path: '/simpleenroll',
        body: csr,
        headers: { 'Content-Type': type },
      });
      expect([answer.status, answer.body]).toEqual([
        415,
        expect.stringMatching(/^content_type_unsupported: /),
      ]);
    },
  );

  it.each(['/nothing', '/simpleenroll/more', '/devices/devices/cacerts', '', '/'])(
    'goes to %j is not found, in plain text',
    async (path) => {
      const answer = await callEst(service, { path });
      expect([answer.status, answer.headers['content-type']]).toEqual([404, 'text/plain; charset=utf-8']);
    },
  );

  it('asks for a conflict is not allowed', async () => {
    const first = await service.createToken();
    const other = await service.createToken();
    await callEst(service, { path: '/simpleenroll', body: csr, headers: basic('', first.token) });
    const again = { path: '/simpleenroll', headers: basic('', other.token) };
    const sameKey = await callEst(service, {
      ...again,
      body: csrText({ commonName: 'copycat', privateKey: key }),
    });
    expect([sameKey.status, sameKey.body]).toEqual([403, expect.stringMatching(/^key_in_use: /)]);
    const newKey = csrText({ commonName: 'press-7', privateKey: await generatePrivateKey() });
    const sameName = await callEst(service, { ...again, body: newKey });
    expect([sameName.status, sameName.body]).toEqual([
      403,
      expect.stringMatching(/^device_already_enrolled: /),
    ]);
  });
});

describe('when there are too many', () => {
  it('calls from one address, it is told when to go on', async () => {
    const limited = await startTestEnroll(folders[2] ?? '', { enrollRate: 2 });
    try {
      for (let calls = 0; calls < 2; calls++) await callEst(limited, { path: '/csrattrs' });
      const third = await callEst(limited, { path: '/cacerts' });
      expect([third.status, third.body]).toEqual([429, expect.stringMatching(/^rate_limited: /)]);
      expect(third.head).toMatch(/^Retry-After: [1-9]\d*\r$/m);
      expect(third.head).not.toMatch(/ratelimit/i);
    } finally {
      await limited.close();
    }
  });

  it('calls with one token, under either address and scheme, it is told when to go on', async () => {
    const limited = await startTestEnroll(folders[1] ?? '', { tokenRate: 3 });
    try {
      const { token } = await limited.createToken();
      const est = { path: '/simpleenroll', body: csr, headers: basic('press-7', token) };
      expect((await callEst(limited, est)).status).toBe(200);
      expect((await callEst(limited, { ...est, path: '/devices/simpleenroll' })).status).toBe(200);
      await limited.enroll(token, csr);
      const fourth = await callEst(limited, { ...est, headers: basic('another name', token) });
      expect([fourth.status, fourth.body]).toEqual([429, expect.stringMatching(/^rate_limited: /)]);
      expect(fourth.head).toMatch(/^Retry-After: [1-9]\d*\r$/m);
      for (let calls = 0; calls < 5; calls++) {
        // Nobody's token is not one token: a fleet that asks without credentials first must not stop itself.
        expect((await callEst(limited, { path: '/simpleenroll', body: csr })).status).toBe(401);
      }
    } finally {
      await limited.close();
    }
  });
});
