/** How often one device is given a certificate: as often as it can need one, and no more. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { callEst, csrText } from '../est/est-client.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { askRenewal, enrollHolder, type Holder, renewed } from './renewing.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const AT_MOST = 20;
const folder = temporaryFolder();
/** The server's clock, which a test may put forward. */
const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
let service: TestEnroll;
let count = 0;
let holder: Holder;
beforeAll(async () => {
  service = await startTestEnroll(folder, {}, clock);
});
beforeEach(async () => {
  clock.ahead = 0;
  count += 1;
  holder = await enrollHolder(service, `eager-${count}`);
});
afterAll(() => service.close());

const renewedAnew = () => renewed(service, holder, { privateKey: newKey() });
async function useUp(): Promise<void> {
  for (let issued = 1; issued < AT_MOST; issued += 1) await renewedAnew();
}

describe('a device that renews in a loop', () => {
  it('is put off until an hour is over', async () => {
    await useUp();
    const { status, body, headers } = await askRenewal(service, holder, { privateKey: newKey() });
    expect([status, body.code]).toEqual([429, 'renewed_too_often']);
    const wait = Number(headers['retry-after']);
    expect(wait).toBeGreaterThan(3_500);
    expect(wait).toBeLessThanOrEqual(3_600);
    clock.ahead = wait * 1_000;
    await renewedAnew();
  });

  it('is put off over EST too', async () => {
    await useUp();
    const { key, cert, deviceId } = holder;
    const body = csrText({ commonName: deviceId, privateKey: newKey() });
    const answer = await callEst(service, { path: '/simplereenroll', body, tls: { key, cert } });
    expect([answer.status, answer.body]).toEqual([429, expect.stringMatching(/^renewed_too_often: /)]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(3_500);
  });

  it('is given again what it was given, and may be enrolled anew', async () => {
    await useUp();
    clock.ahead = HOUR;
    const last = await renewedAnew();
    clock.ahead = 0;
    const { status, body } = await askRenewal(service, holder, { privateKey: last.privateKey });
    expect([status, body.certificate]).toEqual([200, last.certificate]);
    await enrollHolder(service, holder.deviceId, { device: holder.deviceId });
  });

  it('gets no more by asking many times at once', async () => {
    const asked = Array.from({ length: AT_MOST + 10 }, () =>
      askRenewal(service, holder, { privateKey: newKey() }),
    );
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(AT_MOST - 1);
    expect(statuses.filter((status) => status === 429)).toHaveLength(11);
  });

  it('keeps no other device from renewing', async () => {
    await useUp();
    await renewed(service, await enrollHolder(service, `bystander-${count}`));
  });
});

it('certificates that live for a minute are renewed as early and as often as a profile can ask for', async () => {
  await service.operator('PUT', '/profiles/minute', { validity: '1m', renewAfter: '10%' });
  await service.operator('PUT', '/groups/minute', { profile: 'minute', policy: 'device' });
  holder = await enrollHolder(service, 'short-lived', { group: 'minute' });
  for (let renewals = 0; renewals < 2 * AT_MOST; renewals += 1) {
    clock.ahead += MINUTE / 10;
    holder = await renewedAnew();
  }
});
