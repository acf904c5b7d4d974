/** Bodies and headers that are broken, by the thousand: the right status each time, and a service that goes on. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { anyCharacter } from '../support/any-character.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { type Made, makeDevice, makeIntermediate, makeRoot, newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { basic, callEst, connectTo, csrDer } from './est-client.ts';

const folder = temporaryFolder();
const UNLIMITED = { enrollRate: 10_000_000, tokenRate: 10_000_000 };
let service: TestEnroll;
let token: string;
let der: Buffer;
let issued: string;
beforeAll(async () => {
  service = await startTestEnroll(folder, UNLIMITED);
  token = (await service.createToken({ device: 'press-7' })).token;
  der = csrDer({ commonName: 'press-7', privateKey: await generatePrivateKey() });
  const answer = await post(der.toString('base64'));
  expect(answer.status).toBe(200);
  issued = answer.body;
});
afterAll(() => service.close());

const post = (body: string | Buffer, headers: Readonly<Record<string, string>> = {}) =>
  service.call<string>(`${service.enrollUrl}/.well-known/est/simpleenroll`, {
    method: 'POST',
    headers: { 'content-type': 'application/pkcs10', ...basic('press-7', token), ...headers },
    body,
  });

/** Nothing was issued but what was issued before, and everything else is a bad request in plain text. */
async function expectRefused(body: string | Buffer): Promise<void> {
  const answer = await post(body);
  const same = answer.status === 200 && answer.body.replaceAll('\n', '') === issued;
  expect(same || answer.status === 400 || (answer.status === 413 && body.length > 32_768)).toBe(true);
  if (!same) expect(answer.body).toMatch(/^[a-z_]+: [^\n]+\n$/);
}

describe('a body of', () => {
  it('a request with bytes changed', async () => {
    const change = fc.record({ at: fc.nat(der.length - 1), by: fc.integer({ min: 1, max: 255 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const changed = Buffer.from(der);
        for (const { at, by } of changes) changed[at] = (changed[at] ?? 0) ^ by;
        await expectRefused(changed.toString('base64'));
      }),
      { numRuns: 200 },
    );
  });

  it('a request with characters of its base64 changed, lost or put in', async () => {
    const text = der.toString('base64');
    const splice = fc.record({
      at: fc.nat(text.length),
      out: fc.nat(3),
      put: fc.string({ maxLength: 3, unit: anyCharacter }),
    });
    await fc.assert(
      fc.asyncProperty(splice, ({ at, out, put }) =>
        expectRefused(text.slice(0, at) + put + text.slice(at + out)),
      ),
      { numRuns: 200 },
    );
  });

  it('bytes of any kind, as they are and in base64', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 600 }), async (bytes) => {
        await expectRefused(Buffer.from(bytes));
        await expectRefused(Buffer.from(bytes).toString('base64'));
      }),
      { numRuns: 150 },
    );
  });

  it('a request cut off anywhere', async () => {
    for (let length = 1; length < der.length; length += 3) {
      await expectRefused(der.subarray(0, length).toString('base64'));
    }
  });

  it('nothing, or much', async () => {
    for (const body of [
      '',
      ' ',
      '\n'.repeat(30_000),
      '='.repeat(100),
      'A'.repeat(32_768),
      'A'.repeat(200_000),
    ]) {
      await expectRefused(body);
    }
  });
});

describe('headers that', () => {
  it('are no credentials never enroll anybody', async () => {
    const value = fc.string({ maxLength: 200 }).map((text) => text.replace(/[^\x20-\x7e]/g, ''));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('', 'Basic ', 'basic  ', 'Bearer '), value, async (scheme, text) => {
        const encoded = scheme === '' ? text : Buffer.from(text).toString('base64');
        const { status } = await post(der.toString('base64'), { Authorization: scheme + encoded });
        expect(status).toBe(401);
      }),
      { numRuns: 200 },
    );
  });

  it('are no content type are not supported', async () => {
    for (const type of [
      '',
      ';',
      'application',
      'application/',
      '/pkcs10',
      'application/pkcs10,text/plain',
      '*/*',
    ]) {
      expect([type, (await post('x', { 'content-type': type })).status]).toEqual([type, 415]);
    }
  });
});

describe('paths that', () => {
  it('are no addresses are refused', async () => {
    for (const path of [
      '%',
      '%zz/cacerts',
      '%00/cacerts',
      '%c0%af/cacerts',
      `${'a/'.repeat(1_000)}cacerts`,
    ]) {
      const { status } = await service.call(`${service.enrollUrl}/.well-known/est/${path}`);
      expect([path, [400, 404].includes(status)]).toEqual([path, true]);
    }
  });
});

it('a connection that breaks off within a body does no harm', async () => {
  for (let size = 0; size < 20; size++) {
    const socket = await connectTo(service);
    socket.write(
      'POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\n',
    );
    socket.write(`Content-Length: 400\r\n\r\n${'M'.repeat(size * 10)}`);
    socket.destroy();
  }
  expect((await service.call(`${service.enrollUrl}/.well-known/est/cacerts`)).status).toBe(200);
});

describe('of factories and their devices', () => {
  const request = csrDer({ commonName: 'acme-1', privateKey: newKey() });
  let chain: Made[];
  beforeAll(async () => {
    const root = await makeRoot('Acme');
    const line = await makeIntermediate('Line', root);
    chain = [await makeDevice(line, { serialNumber: '1' }), line, root];
    const rule = { idFrom: 'serialNumber', idPrefix: 'acme-', admit: 'any', group: 'gated' };
    await service.operator('PUT', '/groups/gated', {
      profile: 'device',
      policy: 'device',
      approval: 'required',
    });
    const { status } = await service.operator('PUT', '/manufacturers/acme', {
      certificates: root.certificate.pem,
      ...rule,
    });
    expect(status).toBe(200);
    await eventually(async () => (await byFactory(chain, der.toString('base64'))).status !== 401);
  });

  /** What the first of them does, who sends the others behind its own. */
  const byFactory = (sent: readonly Made[], body: string, headers = {}) => {
    const cert = sent.map(({ certificate }) => certificate.pem).join('');
    const tls = { key: chain[0]?.key ?? '', cert };
    return callEst(service, { path: '/simpleenroll', body, headers: { 'User-Agent': 'x', ...headers }, tls });
  };

  it('requests with bytes changed are refused, and nobody waits for an operator', async () => {
    const change = fc.record({ at: fc.nat(request.length - 1), by: fc.integer({ min: 1, max: 255 }) });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, by }) => {
        const changed = Buffer.from(request);
        changed[at] = (changed[at] ?? 0) ^ by;
        expect((await byFactory(chain, changed.toString('base64'))).status).toBe(400);
      }),
      { numRuns: 150 },
    );
    expect((await service.operator('GET', '/requests?status=pending')).body).toMatchObject({ items: [] });
    const asked = request.toString('base64');
    expect((await byFactory(chain, asked)).status).toBe(202);
  });

  it('chains that break off, go in circles or go on and on are answered', async () => {
    const [device, line, root] = chain as [Made, Made, Made];
    const stranger = await makeIntermediate('Line', await makeRoot('Acme'));
    const body = request.toString('base64');
    const many = Array.from({ length: 12 }, () => [line, root]).flat();
    for (const [sent, status] of [
      [[device], 401],
      [[device, stranger], 401],
      [[device, root], 401],
      [[device, line, line, root, stranger], 202],
      [[device, ...many], 401],
      [[device, stranger, ...many], 401],
    ] as const) {
      const answer = await byFactory(sent, body);
      expect([sent.length, answer.status]).toEqual([sent.length, status]);
      if (status === 401) expect(answer.body).toMatch(/^factory_certificate_untrusted: [^\n]+\n$/);
    }
  });
});

beforeEach(async () => {
  // Whatever came before: the service answers as ever.
  expect((await post(der.toString('base64'))).body).toBe(issued);
});
