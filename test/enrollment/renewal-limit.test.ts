/** How often one device is given a certificate: as often as it can need one, and no more. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { callEst, csrText } from '../est/est-client.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { askRenewal, enrollHolder, type Holder, renewed } from './renewing.ts';

const MINUTE = 60_000;
const AT_MOST = 100;
const folder = temporaryFolder();
/** The server's clock, which a test may put forward. */
const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder, {}, clock);
});
beforeEach(() => {
  clock.ahead = 0;
});
afterAll(() => service.close());

const askAnew = (holder: Holder) => askRenewal(service, holder, { privateKey: newKey() });
const renewedAnew = (holder: Holder) => renewed(service, holder, { privateKey: newKey() });

describe('a device that renews in a loop', () => {
  let holder: Holder;
  let statuses: readonly number[];
  beforeAll(async () => {
    holder = await enrollHolder(service, 'eager');
    const asked = Array.from({ length: AT_MOST + 10 }, () => askAnew(holder));
    statuses = (await Promise.all(asked)).map(({ status }) => status);
  });

  it('gets no more by asking many times at once', () => {
    expect(statuses.filter((status) => status === 201)).toHaveLength(AT_MOST - 1);
    expect(statuses.filter((status) => status === 429)).toHaveLength(11);
  });

  it('is put off over EST too', async () => {
    const { key, cert, deviceId } = holder;
    const body = csrText({ commonName: deviceId, privateKey: newKey() });
    const answer = await callEst(service, { path: '/simplereenroll', body, tls: { key, cert } });
    expect([answer.status, answer.body]).toEqual([429, expect.stringMatching(/^renewed_too_often: /)]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(3_500);
  });

  it('keeps no other device from renewing', async () => {
    await renewed(service, await enrollHolder(service, 'bystander'));
  });

  it('is put off until an hour is over, and is given again what it was given then', async () => {
    const { status, body, headers } = await askAnew(holder);
    expect([status, body.code]).toEqual([429, 'renewed_too_often']);
    const wait = Number(headers['retry-after']);
    expect(wait).toBeGreaterThan(3_500);
    expect(wait).toBeLessThanOrEqual(3_600);
    clock.ahead = wait * 1_000;
    const last = await renewedAnew(holder);
    clock.ahead = 0;
    const again = await askRenewal(service, holder, { privateKey: last.privateKey });
    expect([again.status, again.body.certificate]).toEqual([200, last.certificate]);
  });

  it('may be enrolled anew', async () => {
    await enrollHolder(service, holder.deviceId, { device: holder.deviceId });
  });
});

it('certificates that live for a minute are renewed as early and as often as a profile can ask for', async () => {
  await service.operator('PUT', '/profiles/minute', { validity: '1m', renewAfter: '10%' });
  await service.operator('PUT', '/groups/minute', { profile: 'minute', policy: 'device' });
  let holder = await enrollHolder(service, 'short-lived', { group: 'minute' });
  for (let renewals = 0; renewals < AT_MOST + 10; renewals += 1) {
    clock.ahead += MINUTE / 10;
    holder = await renewedAnew(holder);
  }
});
