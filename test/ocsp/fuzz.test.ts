/** Whatever bytes are sent: an OCSPResponse with HTTP 200, or a plain refusal by HTTP, and never a fault inside. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Agent, request } from 'undici';
import { type Asn1, explicit, octetString, sequence } from '../../core/pki/der.ts';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { certId, extension, nonceOf, readResponse, requestOf } from '../support/ocsp.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { issuerOf } from './asking.ts';

const [SUCCESSFUL, MALFORMED, UNAUTHORIZED] = [0, 1, 6];
/** Not 500, which would be our fault, whatever the request. */
const HTTP_REFUSALS = [400, 404, 413, 414, 431];

const folder = temporaryFolder();
const dispatcher = new Agent({ connections: 4 });
let service: TestEnroll;
let sound: readonly Buffer[];
beforeAll(async () => {
  service = await startTestEnroll(folder, { statusRate: 100_000_000 });
  sound = soundRequests(await enrollHolder(service, 'asked'));
});
afterAll(async () => {
  await dispatcher.close();
  await service.close();
});

/** One of each kind, for others to be made from. */
function soundRequests(holder: Holder): readonly Buffer[] {
  const issuer = issuerOf(holder);
  const number = BigInt(`0x${holder.serialNumber}`);
  const about = (digest: 'sha1' | 'sha256', serialNumber = number) =>
    sequence(certId(digest, serialNumber, issuer));
  const extended: Asn1 = sequence(
    certId('sha1', number, issuer),
    explicit(0, sequence(extension('1.2.3.4', octetString(Buffer.alloc(4))))),
  );
  return [
    requestOf([about('sha1')]),
    requestOf([about('sha256')], nonceOf(16)),
    requestOf([about('sha1'), about('sha256'), about('sha1', 5n)]),
    requestOf([extended], extension('1.3.6.1.5.5.7.48.1.4', sequence())),
  ];
}

interface Answered {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

async function send(method: 'GET' | 'POST', path: string, body?: Buffer): Promise<Answered> {
  const headers = body === undefined ? {} : { 'content-type': 'application/ocsp-request' };
  const response = await request(`${service.statusUrl}${path}`, {
    method,
    headers,
    dispatcher,
    body: body ?? null,
  });
  return {
    status: response.statusCode,
    type: String(response.headers['content-type']),
    body: Buffer.from(await response.body.arrayBuffer()),
  };
}

function expectAnswer({ status, type, body }: Answered): void {
  if (status !== 200) {
    expect(HTTP_REFUSALS).toContain(status);
    return;
  }
  expect(type).toBe('application/ocsp-response');
  const response = readResponse(body);
  expect([SUCCESSFUL, MALFORMED, UNAUTHORIZED]).toContain(response.status);
  expect(response.answers.length > 0).toBe(response.status === SUCCESSFUL);
}

const runs = { numRuns: 300, interruptAfterTimeLimit: 40_000 };
const octets = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

/** A sound request with some octets changed, cut out, put in, or its end cut off. */
const mutated = fc
  .tuple(
    fc.nat(3),
    fc.array(
      fc.tuple(fc.constantFrom('set', 'insert', 'remove', 'cut', 'repeat'), fc.nat(400), fc.nat(255)),
      { minLength: 1, maxLength: 5 },
    ),
  )
  .map(([which, changes]) => {
    let bytes = Buffer.from(sound[which % sound.length] ?? []);
    for (const [how, where, octet] of changes) {
      const at = where % Math.max(1, bytes.length);
      const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
      if (how === 'set') bytes = Buffer.concat([before, Buffer.of(octet), after.subarray(1)]);
      else if (how === 'insert') bytes = Buffer.concat([before, Buffer.of(octet), after]);
      else if (how === 'remove') bytes = Buffer.concat([before, after.subarray(1 + (octet % 8))]);
      else if (how === 'cut') bytes = Buffer.from(before);
      else bytes = Buffer.concat([before, after, after]);
    }
    return bytes;
  });

/** DER that is well-formed all through, and no request. */
const nested = fc
  .tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa2, 0x04), fc.nat(40), octets)
  .map(([tag, depth, content]) => {
    let der = Buffer.concat([Buffer.of(0x04, 0x82, content.length >> 8, content.length & 255), content]);
    for (let level = 0; level < depth; level++)
      der = Buffer.concat([Buffer.of(tag, 0x82, der.length >> 8, der.length & 255), der]);
    return der;
  });

describe('requests that are', () => {
  it.each([
    ['sound ones, changed', mutated],
    ['random bytes', octets],
    ['other DER', nested],
  ])('%s, posted and in the path', async (_name, requests) => {
    await fc.assert(
      fc.asyncProperty(requests, async (der) => {
        expectAnswer(await send('POST', '/ocsp', der));
        expectAnswer(await send('GET', `/ocsp/${encodeURIComponent(der.toString('base64'))}`));
      }),
      runs,
    );
  });

  it('random text in the path', async () => {
    const text = fc.string({ unit: fc.constantFrom(...'AMQz+/=%2F B0d?#.&-_\u00e9'), maxLength: 400 });
    await fc.assert(
      fc.asyncProperty(text, async (path) => expectAnswer(await send('GET', encodeURI(`/ocsp/${path}`)))),
      runs,
    );
  });
});

it('and sound ones are answered as before', async () => {
  for (const der of sound) {
    const { status, body } = await send('POST', '/ocsp', der);
    expect([status, readResponse(body).answers[0]]).toEqual([200, 'good']);
  }
});
