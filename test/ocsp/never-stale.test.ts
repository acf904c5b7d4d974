/** Answers are kept, and yet the very next one after a change says what has changed. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IssuerView } from '../../core/api/issuers.ts';
import { sequence } from '../../core/pki/der.ts';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { certId, nonceOf, requestOf } from '../support/ocsp.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { answerTo, ask, issuerOf, requestAbout, WAYS, type Way } from './asking.ts';

const MINUTE = 60_000;
const UNAUTHORIZED = 6;

const folder = temporaryFolder();
let service: TestEnroll;
let passed = 0;
beforeAll(async () => {
  const clock = { now: () => Date.now() + passed };
  service = await startTestEnroll(folder, { statusRate: 1_000_000 }, clock);
});
afterAll(() => service.close());

const change = async (path: string, body: unknown = {}) => {
  const { status } = await service.operator('POST', path, body);
  expect(status).toBe(200);
};
const bytes = async (way: Way, request: Buffer) => (await ask(service.statusUrl, way, request)).body;
const says = async (way: Way, request: Buffer) => (await answerTo(service.statusUrl, way, request)).answers;

/** The answer is signed, and then kept: asked twice it is the same. */
async function kept(way: Way, holder: Holder): Promise<Buffer> {
  const request = requestAbout(holder);
  const first = await bytes(way, request);
  expect(await bytes(way, request)).toEqual(first);
  return request;
}

describe.each(WAYS)('by %s', (way) => {
  const id = (name: string) => `${name}-${way}`;

  it('an answer is handed out again, whatever else changes', async () => {
    const holder = await enrollHolder(service, id('same'));
    const request = await kept(way, holder);
    const before = await bytes(way, request);
    const other = await enrollHolder(service, id('other'));
    await change(`/devices/${other.deviceId}/revoke`);
    expect(await bytes(way, request)).toEqual(before);
  });

  it('and not for longer than five minutes', async () => {
    const request = await kept(way, await enrollHolder(service, id('old')));
    const before = await bytes(way, request);
    passed += 5 * MINUTE;
    expect(await bytes(way, request)).not.toEqual(before);
  });

  it('one with a nonce is for its asker alone', async () => {
    const holder = await enrollHolder(service, id('nonce'));
    const about = sequence(certId('sha1', BigInt(`0x${holder.serialNumber}`), issuerOf(holder)));
    const request = requestOf([about], nonceOf(16));
    expect(await bytes(way, request)).not.toEqual(await bytes(way, request));
    expect(await says(way, request)).toEqual(['good']);
  });

  it('revocation', async () => {
    const holder = await enrollHolder(service, id('revoked'));
    const request = await kept(way, holder);
    expect(await says(way, request)).toEqual(['good']);
    await change(`/devices/${holder.deviceId}/revoke`);
    expect(await says(way, request)).toEqual(['revoked']);
    expect(await says(way, request)).toEqual(['revoked']);
  });

  it('suspension, resumption, revocation', async () => {
    const holder = await enrollHolder(service, id('held'));
    const request = await kept(way, holder);
    for (const [path, status] of [
      ['suspend', 'revoked'],
      ['resume', 'good'],
      ['suspend', 'revoked'],
      ['resume', 'good'],
      ['revoke', 'revoked'],
    ] as const) {
      await change(`/devices/${holder.deviceId}/${path}`);
      expect([path, await says(way, request)]).toEqual([path, [status]]);
    }
  });

  it('another reason, and another time, are another answer', async () => {
    const holder = await enrollHolder(service, id('worse'));
    await change(`/devices/${holder.deviceId}/suspend`);
    const request = await kept(way, holder);
    const held = await bytes(way, request);
    await change(`/devices/${holder.deviceId}/revoke`, { reason: 'keyCompromise' });
    expect(await bytes(way, request)).not.toEqual(held);
  });

  it('a certificate that another took the place of', async () => {
    const holder = await enrollHolder(service, id('replaced'));
    const request = await kept(way, holder);
    await enrollHolder(service, holder.deviceId, { device: holder.deviceId });
    expect(await says(way, request)).toEqual(['revoked']);
  });
});

it('several in one request are told of as they are, every time', async () => {
  const holders = [await enrollHolder(service, 'one'), await enrollHolder(service, 'two')];
  const ids = holders.map((holder) =>
    sequence(certId('sha1', BigInt(`0x${holder.serialNumber}`), issuerOf(holder))),
  );
  const request = requestOf(ids);
  expect(await says('GET', request)).toEqual(['good', 'good']);
  await change('/devices/two/revoke');
  expect(await says('GET', request)).toEqual(['good', 'revoked']);
});

it('the end of a CA', async () => {
  // The listeners' next certificates must be valid by the clock of whoever calls.
  passed = 0;
  const holder = await enrollHolder(service, 'last');
  const request = await kept('GET', holder);
  await service.operator('POST', '/issuers/rotate', {});
  expect(await says('GET', request)).toEqual(['good']);
  const { body } = await service.operator<{ items: IssuerView[] }>('GET', '/issuers');
  const retiring = body.items.find(({ status }) => status === 'retiring');
  await change(`/issuers/${retiring?.fingerprint}/retire`, { lockOut: 1_000 });
  for (const way of WAYS) {
    expect(await answerTo(service.statusUrl, way, request)).toEqual({ status: UNAUTHORIZED, answers: [] });
  }
});
