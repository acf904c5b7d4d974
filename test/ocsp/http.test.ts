/** OCSP over HTTP: the forms that clients send it in, and what caches on the way are told. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { sequence } from '../../core/pki/der.ts';
import { readStaple } from '../../core/pki/ocsp-staple.ts';
import { createHttpServer, type HttpServer, listen } from '../../enroll/http/http-server.ts';
import { ocspRoutes } from '../../enroll/routes/ocsp.ts';
import { createLogger } from '../../runtime/log.ts';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { certId, nonceOf, readResponse, requestOf } from '../support/ocsp.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { ask, call, issuerOf, requestAbout } from './asking.ts';

const MALFORMED = 1;
const folder = temporaryFolder();
let service: TestEnroll;
let holder: Holder;
beforeAll(async () => {
  service = await startTestEnroll(folder, { statusRate: 1_000_000 });
  holder = await enrollHolder(service, 'asked');
});
afterAll(() => service.close());

/** About a number that nobody was given, whose base64 has every character that paths have trouble with. */
function awkward(): { readonly der: Buffer; readonly base64: string } {
  for (;;) {
    const serialNumber = BigInt(`0x40${randomBytes(14).toString('hex')}`);
    const der = requestOf([sequence(certId('sha1', serialNumber, issuerOf(holder)))]);
    const base64 = der.toString('base64');
    if (/\+/.test(base64) && /\/\//.test(base64) && /=$/.test(base64)) return { der, base64 };
  }
}

describe('a request in the path', () => {
  const encode = encodeURIComponent;
  it.each<[string, (base64: string) => string]>([
    ['percent-encoded', encode],
    ['in small hex digits', (text) => encode(text).replace(/%../g, (code) => code.toLowerCase())],
    ['raw', (text) => text],
    ['with its slashes raw', (text) => encode(text).replaceAll('%2F', '/')],
    ['with its pluses raw', (text) => encode(text).replaceAll('%2B', '+')],
    ['with pluses that became spaces', (text) => encode(text).replaceAll('%2B', '%20')],
    ['without its equals signs', (text) => encode(text.replace(/=+$/, ''))],
    ['with its equals signs raw', (text) => encode(text).replaceAll('%3D', '=')],
    ['with a second slash in front', (text) => `/${text}`],
    ['with a second slash in front, encoded', (text) => `%2F${encode(text)}`],
    ['with every character encoded', (text) => text.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`)],
    ['with a query behind it', (text) => `${encode(text)}?nocache=1`],
  ])('%s', async (_name, form) => {
    const { der, base64 } = awkward();
    const asPost = await ask(service.statusUrl, 'POST', der);
    const { status, headers, body } = await call(service.statusUrl, { path: `/ocsp/${form(base64)}` });
    expect([status, headers['content-type']]).toEqual([200, 'application/ocsp-response']);
    expect(readResponse(body).answers).toEqual(['unknown']);
    // The same answer, from where answers are kept: these were the same bytes.
    expect(body).toEqual(asPost.body);
  });

  it.each([
    ['nothing', ''],
    ['no base64', '%00%01'],
    ['characters of none', 'MEQwQjBA*'],
    ['the alphabet for URLs', 'MEQ-_w'],
    ['something behind the end', 'MEQw=MEQw'],
    ['base64 of no request', encode(randomBytes(90).toString('base64'))],
    ['more than anybody asks', encode(Buffer.alloc(9_000).toString('base64'))],
  ])('that is %s is malformed', async (_name, path) => {
    const { status, headers, body } = await call(service.statusUrl, { path: `/ocsp/${path}` });
    expect([status, headers['content-type']]).toEqual([200, 'application/ocsp-response']);
    expect(headers['cache-control']).toBe('no-store');
    expect(readResponse(body)).toEqual({ status: MALFORMED, answers: [] });
  });

  it('that is no path is refused by HTTP', async () => {
    for (const path of ['/ocsp/%ZZ', '/ocsp/%ff'])
      expect((await call(service.statusUrl, { path })).status).toBe(400);
    expect((await call(service.statusUrl, { path: `/ocsp/${'A'.repeat(20_000)}` })).status).toBe(431);
  });

  it('by HEAD is answered alike, without the answer', async () => {
    const { base64 } = awkward();
    const path = `/ocsp/${encode(base64)}`;
    const got = await call(service.statusUrl, { path });
    const head = await call(service.statusUrl, { method: 'HEAD', path });
    expect([head.status, head.body.length]).toEqual([200, 0]);
    for (const name of ['content-type', 'content-length', 'etag', 'expires', 'last-modified'])
      expect([name, head.headers[name]]).toEqual([name, got.headers[name]]);
  });
});

describe('a request that is posted', () => {
  const post = (body: Buffer, headers: Record<string, string> = {}) =>
    call(service.statusUrl, { method: 'POST', path: '/ocsp', headers, body });

  it.each([
    'application/ocsp-request',
    'Application/OCSP-Request; charset=utf-8',
    'application/octet-stream',
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain',
    undefined,
  ])('is taken for one, be it called %s', async (type) => {
    const { status, headers, body } = await post(requestAbout(holder), type ? { 'content-type': type } : {});
    expect([status, headers['content-type']]).toEqual([200, 'application/ocsp-response']);
    expect(headers['cache-control']).toBe('no-store');
    expect(readResponse(body).answers).toEqual(['good']);
  });

  it('in pieces is taken, too', async () => {
    const { body } = await post(requestAbout(holder), { 'transfer-encoding': 'chunked' });
    expect(readResponse(body).answers).toEqual(['good']);
  });

  it('is refused by HTTP where its type is no type', async () => {
    expect((await post(requestAbout(holder), { 'content-type': 'ocsp' })).status).toBe(415);
  });

  it('is malformed where it is nothing', async () => {
    for (const type of [{}, { 'content-type': 'application/ocsp-request' }] as Record<string, string>[]) {
      const { status, body } = await post(Buffer.alloc(0), type);
      expect([status, readResponse(body).status]).toEqual([200, MALFORMED]);
    }
  });

  it.each(['content-length', 'transfer-encoding'])('is cut off where it is too large, by %s', async (how) => {
    const body = Buffer.alloc(8_193);
    const length =
      how === 'content-length' ? { 'content-length': '8193' } : { 'transfer-encoding': 'chunked' };
    const answer = await post(body, { 'content-type': 'application/ocsp-request', ...length });
    expect([answer.status, JSON.parse(String(answer.body)).code]).toEqual([413, 'body_too_large']);
  });

  it('leaves other calls their own types', async () => {
    const answer = await call(service.statusUrl, {
      method: 'PUT',
      path: '/ocsp',
      body: requestAbout(holder),
    });
    expect(answer.status).toBe(404);
  });
});

describe('what caches are told (RFC 5019 §6.2)', () => {
  const get = (request: Buffer, headers: Record<string, string> = {}) =>
    call(service.statusUrl, { path: `/ocsp/${encodeURIComponent(request.toString('base64'))}`, headers });

  it('is what the answer itself says', async () => {
    const { headers, body } = await get(requestAbout(holder));
    const { thisUpdate = 0, nextUpdate = 0 } = readStaple(body) ?? {};
    expect(headers).toMatchObject({
      etag: `"${createHash('sha1').update(body).digest('hex')}"`,
      'last-modified': new Date(thisUpdate).toUTCString(),
      expires: new Date(nextUpdate).toUTCString(),
      'cache-control': 'max-age=60, public, no-transform, must-revalidate',
    });
    expect(nextUpdate - thisUpdate).toBe(3_600_000);
  });

  it('about an answer with a nonce: to keep nothing', async () => {
    const about = sequence(certId('sha1', 5n, issuerOf(holder)));
    const { headers } = await get(requestOf([about], nonceOf(16)));
    expect(headers['cache-control']).toBe('no-store');
    expect([headers.etag, headers.expires, headers['last-modified']]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each<[string, (etag: string) => string]>([
    ['its name', (etag) => etag],
    ['its name made weak', (etag) => `W/${etag}`],
    ['its name among others', (etag) => `"other", ${etag} , W/"third"`],
    ['any', () => '*'],
  ])('who has it, by %s, is given 304 for as long as it holds', async (_name, form) => {
    const fresh = await enrollHolder(service, `tagged-${randomBytes(4).toString('hex')}`);
    const first = await get(requestAbout(fresh));
    const etag = String(first.headers.etag);
    const again = await get(requestAbout(fresh), { 'if-none-match': form(etag) });
    expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
    expect(again.headers.expires).toBe(first.headers.expires);
    expect(again.headers['cache-control']).toBe(first.headers['cache-control']);

    await service.operator('POST', `/devices/${fresh.deviceId}/revoke`, {});
    const revoked = await get(requestAbout(fresh), { 'if-none-match': etag });
    expect([revoked.status, readResponse(revoked.body).answers]).toEqual([200, ['revoked']]);
  });

  it('who has another, or knows a date alone, is given all of it', async () => {
    const request = requestAbout(holder);
    const { headers } = await get(request);
    const since = { 'if-modified-since': String(headers['last-modified']) };
    for (const condition of [{ 'if-none-match': '"other"' }, since] as Record<string, string>[])
      expect((await get(request, condition)).status).toBe(200);
  });
});

describe('an answer that ends soon', () => {
  let server: HttpServer;
  afterEach(() => server.close());

  it.each([
    [61_000, 60],
    [60_000, 60],
    [10_999, 10],
    [999, 0],
    [-5_000, 0],
  ])('in %i ms, may be kept for %i s', async (left, seconds) => {
    const now = 1_800_000_000_000;
    server = await createHttpServer({
      log: createLogger('test', { level: 'silent', format: 'json' }),
      maxConnections: 10,
    });
    const shared = { thisUpdate: now, nextUpdate: now + left, etag: 'aa' };
    const ocsp = { answer: async () => ({ der: Buffer.of(0x30, 0), shared }) };
    ocspRoutes(server, { ocsp, clock: { now: () => now } });
    const port = await listen(server, { host: '127.0.0.1', port: 0, setting: 'statusPort' });
    const { headers } = await call(`http://127.0.0.1:${port}`, { path: '/ocsp/MAA=' });
    expect(headers['cache-control']).toMatch(new RegExp(`^max-age=${seconds},`));
  });
});
