/** The device's side of enrollment over HTTPS: every answer a server can give, and servers that are none. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createEnrollClient } from '../../device-sim/contract/enroll-client.ts';
import { enrollIdentity } from '../../device-sim/identity/enroll-identity.ts';
import { memoryStorage } from '../../device-sim/identity/identity-storage.ts';
import { type Authority, createAuthority } from './support/authority.ts';
import {
  type Answer,
  type EnrollServer,
  enrolling,
  json,
  startEnrollServer,
} from './support/enroll-server.ts';

let authority: Authority;
let server: EnrollServer;
let csr: string;

beforeAll(async () => {
  authority = await createAuthority();
  server = await startEnrollServer(authority, enrolling(authority));
  await enrollIdentity({
    storage: memoryStorage(),
    requestedId: undefined,
    keyType: 'ec-p256',
    enroll: (request) => {
      csr = request;
      return authority.enroll(request);
    },
  });
});

afterAll(() => server.close());

async function ask(answer: Answer = enrolling(authority), options: { url?: string; ca?: string } = {}) {
  server.answer = answer;
  const client = createEnrollClient({ url: server.url, ca: authority.ca, ...options });
  try {
    return await client.enroll('ghe_token', csr);
  } finally {
    await client.close();
  }
}

const problem = (code: string) => ({
  type: `urn:gatehouse:error:${code}`,
  title: 'A title',
  status: 0,
  detail: 'what was wrong',
  code,
  remedy: 'what to do',
});

describe('a request', () => {
  it('is what the contract says', async () => {
    await ask();
    expect(server.requests.at(-1)).toEqual({
      method: 'POST',
      path: '/v1/enroll',
      authorization: 'Bearer ghe_token',
      contentType: 'application/json',
      body: JSON.stringify({ csr }),
    });
  });
});

describe('an answer', () => {
  it('of 201 is a new certificate', async () => {
    const { created, enrollment } = await ask();
    expect(created).toBe(true);
    expect(enrollment).toEqual(await authority.enroll(csr));
  });

  it('of 200 is the certificate that was issued before', async () => {
    const { created } = await ask(async (_request, response) =>
      json(response, 200, await authority.enroll(csr)),
    );
    expect(created).toBe(false);
  });

  it.each([
    [401, 'token_unknown'],
    [403, 'token_spent'],
    [409, 'device_already_enrolled'],
    [413, 'body_too_large'],
  ])('of %d with the code %s is final, and keeps the words of the server', async (status, code) => {
    await expect(ask((_request, response) => json(response, status, problem(code)))).rejects.toMatchObject({
      code,
      message: 'what was wrong',
      remedy: 'what to do',
      retry: 'never',
    });
  });

  it.each([
    [403, 'device_suspended'],
    [403, 'certificate_suspended'],
  ])('of %d with the code %s is for an operator to lift', async (status, code) => {
    const answer: Answer = (_request, response) => json(response, status, problem(code));
    await expect(ask(answer)).rejects.toMatchObject({ code, retry: 'later' });
  });

  it.each([
    [202, 'internal'],
    [429, 'rate_limited'],
    [500, 'internal'],
    [503, 'registry_unavailable'],
  ])('of %d is worth another attempt, after as long as it says', async (status, code) => {
    const answer: Answer = (_request, response) =>
      json(response, status, problem(code), { 'retry-after': '7' });
    await expect(ask(answer)).rejects.toMatchObject({ code, retry: 'soon', retryAfter: 7_000 });
  });

  it('of 202 waits for an operator, and is worth another attempt after as long as it says', async () => {
    const body = { status: 'pending', request: 17, deviceId: 'press-7', retryAfter: 5 };
    const answer: Answer = (_request, response) => json(response, 202, body, { 'retry-after': '5' });
    await expect(ask(answer)).rejects.toMatchObject({
      code: 'approval_pending',
      message: expect.stringContaining('17'),
      retry: 'soon',
      retryAfter: 5_000,
    });
    const empty: Answer = (_request, response) => json(response, 202, {});
    await expect(ask(empty)).rejects.toMatchObject({ code: 'enrollment_failed', retry: 'never' });
  });

  it('that is not a problem document does not come from Gatehouse, and has its status in the message', async () => {
    const answer: Answer = (_request, response) => void response.writeHead(502).end('<h1>Bad gateway</h1>');
    await expect(ask(answer)).rejects.toMatchObject({
      code: 'not_gatehouse',
      message: expect.stringContaining('502'),
      retry: 'soon',
      retryAfter: null,
    });
  });

  it('with a code that only a newer server knows keeps it in the message', async () => {
    const answer: Answer = (_request, response) => json(response, 403, problem('moon_phase'));
    await expect(ask(answer)).rejects.toMatchObject({
      code: 'enrollment_failed',
      message: 'what was wrong (moon_phase)',
    });
  });

  const whole = async () => authority.enroll(csr);
  it.each<[string, () => Promise<unknown>]>([
    ['is not an object', async () => 'hello'],
    ['has no certificate', async () => ({ ...(await whole()), certificate: undefined })],
    ['has a certificate that is not PEM', async () => ({ ...(await whole()), certificate: 'MII' })],
    ['has an ID that could not be one', async () => ({ ...(await whole()), deviceId: '../x' })],
    ['has a broker without TLS', async () => ({ ...(await whole()), mqttUrl: 'mqtt://localhost' })],
    ['has an end that is no time', async () => ({ ...(await whole()), notAfter: 'soon' })],
  ])('that %s is not taken', async (_what, body) => {
    const answer: Answer = async (_request, response) => json(response, 201, await body());
    await expect(ask(answer)).rejects.toMatchObject({ code: 'enrollment_failed', retry: 'never' });
  });

  it('that does not end is cut off at a bound', async () => {
    const answer: Answer = (_request, response) => {
      response.writeHead(201);
      const block = Buffer.alloc(64 * 1024, ' ');
      const pour = () => {
        while (!response.destroyed && response.write(block));
        response.once('drain', pour);
      };
      pour();
    };
    await expect(ask(answer)).rejects.toMatchObject({ code: 'enrollment_failed' });
  });
});

describe('a renewal', () => {
  it('is asked for without a token: the certificate is the proof', async () => {
    server.answer = enrolling(authority);
    const client = createEnrollClient({ url: server.url, ca: authority.ca });
    expect((await client.renew(csr)).enrollment).toEqual(await authority.enroll(csr));
    await client.close();
    expect(server.requests.at(-1)).toMatchObject({
      ...{ method: 'POST', path: '/v1/renew', authorization: undefined, body: JSON.stringify({ csr }) },
    });
  });
});

describe('the trust anchors', () => {
  it.each([404, 500])('are not taken from an answer of %d', async (status) => {
    server.answer = (_request, response) => void response.writeHead(status).end(authority.ca);
    const client = createEnrollClient({ url: server.url, ca: authority.ca });
    await expect(client.trustAnchors()).rejects.toMatchObject({ code: 'not_gatehouse' });
    await client.close();
  });
});

describe('a server', () => {
  it('whose certificate leads to another root is not trusted, and gets no token', async () => {
    const before = server.requests.length;
    const { ca } = await createAuthority();
    await expect(ask(undefined, { ca })).rejects.toMatchObject({ code: 'server_untrusted', retry: 'never' });
    expect(server.requests).toHaveLength(before);
  });

  it('under a name that its certificate lacks is not trusted', async () => {
    await expect(ask(undefined, { url: `https://127.0.0.1:${server.port}` })).rejects.toMatchObject({
      code: 'server_untrusted',
    });
  });

  it('that is not there may be there later', async () => {
    await expect(ask(undefined, { url: 'https://localhost:1' })).rejects.toMatchObject({
      code: 'server_unreachable',
      retry: 'soon',
    });
  });

  it('that hangs up may answer later', async () => {
    const hangUp: Answer = (_request, response) => void response.socket?.destroy();
    await expect(ask(hangUp)).rejects.toMatchObject({ retry: 'soon' });
  });
});
