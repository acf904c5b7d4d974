/** What revoking a device means for the certificates that it has renewed, of which there may be very many. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { JournalRow } from '../../core/journal/events.ts';
import { askRenewal, enrollHolder, renewed, statusOf } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DAY = 86_400_000;
const folder = temporaryFolder();
/** The server's clock, which a test may put forward. */
const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder, {}, clock);
});
afterAll(() => service.close());

it('revokes those that would be in time, and leaves those that have expired as they are', async () => {
  const first = await enrollHolder(service, 'renewer');
  clock.ahead = 60 * DAY;
  const second = await renewed(service, first);
  const third = await renewed(service, second);
  await renewed(service, third);
  clock.ahead = 91 * DAY;
  await service.operator('POST', '/devices/renewer/revoke', {});

  const statuses = await Promise.all([first, second, third].map((one) => statusOf(service, one)));
  expect(statuses).toEqual(['superseded', 'revoked', 'revoked']);
  const { body } = await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=1000');
  const row = body.items.find(({ event }) => event.action === 'device.revoked');
  expect(row?.event.data).toMatchObject({ serialNumbers: expect.not.arrayContaining([first.serialNumber]) });
  expect((await askRenewal(service, first)).body.code).toBe('device_revoked');
});
