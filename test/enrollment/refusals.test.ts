/** Every bad request gets its code, its status and a remedy, and costs the token nothing. */
import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { Problem } from '../../core/api/problem.ts';
import type { TokenView } from '../../core/api/tokens.ts';
import { decodePem, encodePem } from '../../core/pki/pem.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let key: KeyObject;
let good: string;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  key = await generatePrivateKey();
  good = await csrPem({ commonName: 'sensor-1', privateKey: key });
});
afterAll(() => service.close());

const label = 'CERTIFICATE REQUEST';
const derOf = (pem: string) => Buffer.from(decodePem(label, pem));
function withBrokenSignature(pem: string): string {
  const der = derOf(pem);
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  return encodePem(label, der);
}

describe('a CSR that is', () => {
  const cases: readonly [string, () => string | Promise<string>, string, number][] = [
    ['not a CSR', () => 'hello', 'csr_not_pem', 400],
    ['a certificate instead', () => service.ca, 'csr_not_pem', 400],
    ['broken in its base64', () => good.replace(/\n(.)/, '\n*'), 'csr_base64_invalid', 400],
    ['cut off', () => encodePem(label, derOf(good).subarray(0, -5)), 'csr_malformed', 400],
    [
      'followed by bytes',
      () => encodePem(label, Buffer.concat([derOf(good), Buffer.from([0])])),
      'csr_trailing_data',
      400,
    ],
    ['signed by another key', () => withBrokenSignature(good), 'csr_signature_invalid', 400],
    ['without a CN', () => csrPem({ commonName: null, privateKey: key }), 'cn_invalid', 400],
    ['for a CN outside the grammar', () => csrPem({ commonName: 'a/b', privateKey: key }), 'cn_invalid', 400],
    ['for a wildcard', () => csrPem({ commonName: '+', privateKey: key }), 'cn_invalid', 400],
    [
      'for a CN the token does not allow',
      () => csrPem({ commonName: 'pump-1', privateKey: key }),
      'cn_not_allowed',
      403,
    ],
  ];
  it.each(cases)('%s is refused', async (_name, csr, code, status) => {
    const { id, token } = await service.createToken({ device: 'sensor-*' });
    const answer = await service.enroll(token, await csr());
    expect(answer.body).toMatchObject({ code, status });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toMatch('application/problem+json');
    expect(answer.body.remedy).not.toBe('');
    const tokens = await service.operator<{ items: TokenView[] }>('GET', '/tokens');
    expect(tokens.body.items.find((one) => one.id === id)?.uses).toBe(0);
  });
});

describe('a token that is', () => {
  it('missing is refused', async () => {
    const answer = await service.enroll(null, good);
    expect([answer.status, answer.body.code]).toEqual([401, 'token_missing']);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
  });

  it.each(['nonsense', `ghe_${'0'.repeat(12)}_${'A'.repeat(43)}`])(
    'unknown is refused: %s',
    async (token) => {
      const answer = await service.enroll(token, good);
      expect([answer.status, answer.body.code]).toEqual([401, 'token_unknown']);
    },
  );

  it('known by its id but not its secret is refused', async () => {
    const { token } = await service.createToken();
    const guessed = token.slice(0, -4) + (token.endsWith('AAAA') ? 'BBBB' : 'AAAA');
    expect((await service.enroll(guessed, good)).body.code).toBe('token_unknown');
  });

  it("an operator's is refused", async () => {
    expect((await service.enroll(service.adminToken, good)).body.code).toBe('token_unknown');
  });

  it('revoked is refused', async () => {
    const { id, token } = await service.createToken();
    expect((await service.operator<TokenView>('DELETE', `/tokens/${id}`)).body.status).toBe('revoked');
    const answer = await service.enroll(token, good);
    expect([answer.status, answer.body.code]).toEqual([403, 'token_revoked']);
  });

  it('spent is refused to another key', async () => {
    const { token } = await service.createToken();
    const enroll = async (commonName: string) =>
      service.enroll(token, await csrPem({ commonName, privateKey: await generatePrivateKey() }));
    expect((await enroll('first')).status).toBe(201);
    const answer = await enroll('second');
    expect([answer.status, answer.body.code]).toEqual([403, 'token_spent']);
  });
});

describe('a key that is', () => {
  it("another device's is refused", async () => {
    const privateKey = await generatePrivateKey();
    const { token } = await service.createToken({ maxUses: 2 });
    const other = await service.createToken();
    await service.enroll(token, await csrPem({ commonName: 'owner', privateKey }));
    const answer = await service.enroll(other.token, await csrPem({ commonName: 'copycat', privateKey }));
    expect([answer.status, answer.body.code]).toEqual([409, 'key_in_use']);
    expect(answer.body.detail).not.toContain('owner');
  });

  it('a copy of one that enrolled with the same token is refused under another name', async () => {
    const privateKey = await generatePrivateKey();
    const { token } = await service.createToken({ maxUses: 2 });
    const first = await service.enroll(token, await csrPem({ commonName: 'original', privateKey }));
    expect(first.status).toBe(201);
    const clone = await service.enroll(token, await csrPem({ commonName: 'clone', privateKey }));
    expect([clone.status, clone.body.code]).toEqual([409, 'key_in_use']);
  });

  it('on the block-list is refused', async () => {
    const privateKey = await generatePrivateKey();
    const csr = await buildCsr({ commonName: 'leaked', privateKey });
    const { parseCsr } = await import('../../core/pki/csr.ts');
    const fingerprint = parseCsr(csr).publicKey.keyFingerprint;
    expect(
      (await service.operator('POST', '/blocked-keys', { fingerprint, note: 'found on a forum' })).status,
    ).toBe(201);
    const { token } = await service.createToken();
    const answer = await service.enroll(token, encodePem(label, csr));
    expect([answer.status, answer.body.code]).toEqual([403, 'key_blocked']);
  });

  it('of a kind that the profile does not take is refused', async () => {
    await service.operator('PUT', '/profiles/ec-only', { validity: '1d', keys: ['ec-p256'] });
    await service.operator('PUT', '/groups/ec-only', { profile: 'ec-only', policy: 'device' });
    const { token } = await service.createToken({ group: 'ec-only' });
    const csr = await csrPem({ commonName: 'edwards', privateKey: await generatePrivateKey('ed25519') });
    expect((await service.enroll(token, csr)).body.code).toBe('key_unsupported');
  });
});

describe('a device that is', () => {
  const enrolled = async (id: string) => {
    const { token } = await service.createToken({ device: id, maxUses: 5 });
    const csr = await csrPem({ commonName: id, privateKey: await generatePrivateKey() });
    expect((await service.enroll(token, csr)).status).toBe(201);
    return { token, csr };
  };

  it('revoked cannot enroll again: not with the same request, another key or a new token', async () => {
    const { token, csr } = await enrolled('thief');
    await service.operator('POST', '/devices/thief/revoke', { reason: 'keyCompromise' });
    const fresh = await csrPem({ commonName: 'thief', privateKey: await generatePrivateKey() });
    const { token: anotherToken } = await service.createToken({ device: 'thief' });
    for (const [with_, request] of [
      [token, csr],
      [token, fresh],
      [anotherToken, fresh],
    ] as const) {
      const answer = await service.enroll(with_, request);
      expect([answer.status, answer.body.code]).toEqual([403, 'device_revoked']);
    }
  });

  it('suspended is refused until it is resumed', async () => {
    const { token, csr } = await enrolled('paused');
    await service.operator('POST', '/devices/paused/suspend', {});
    expect((await service.enroll(token, csr)).body.code).toBe('device_suspended');
    const resumed = await service.operator<DeviceDetail>('POST', '/devices/paused/resume', {});
    expect(resumed.body).toMatchObject({ status: 'active', certificates: [{ status: 'active' }] });
    expect((await service.enroll(token, csr)).status).toBe(200);
  });
});

describe('a request that is', () => {
  const post = (body: string, contentType: string) =>
    service.call<Problem>(`${service.enrollUrl}/v1/enroll`, {
      method: 'POST',
      headers: { 'content-type': contentType, authorization: 'Bearer x' },
      body,
    });

  it.each([
    [
      'too large',
      () => post(JSON.stringify({ csr: 'x'.repeat(40_000) }), 'application/json'),
      413,
      'body_too_large',
    ],
    ['of another type', () => post('csr', 'text/plain'), 415, 'content_type_unsupported'],
    ['not JSON', () => post('{', 'application/json'), 400, 'body_invalid'],
    ['JSON of another form', () => post('{"certificate":1}', 'application/json'), 400, 'request_invalid'],
    [
      'JSON that reaches for a prototype',
      () => post('{"__proto__":{"csr":"x"}}', 'application/json'),
      400,
      'body_invalid',
    ],
    ['to nowhere', () => service.call<Problem>(`${service.enrollUrl}/v2/enroll`), 404, 'not_found'],
  ])('%s is refused', async (_name, send, status, code) => {
    const answer = await send();
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers['content-type']).toMatch('application/problem+json');
  });
});
