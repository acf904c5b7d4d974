/** A long list is taken in alone; whoever names a few devices does not wait for it. */
import { once } from 'node:events';
import { request } from 'node:https';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { importDevice } from '../enrollment/factory.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { halfSent } from '../support/half-sent.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { changeListed } from './bulk.ts';

const folder = temporaryFolder();
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  await importDevice(service, 'press-1');
});
afterAll(() => service.close());

/** A list whose end is yet to come. */
function begin(...lines: readonly object[]) {
  const { adminUrl, adminToken, ca } = service;
  const asked = request(`${adminUrl}/api/v1/devices/suspend`, {
    method: 'POST',
    ca,
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/x-ndjson' },
  });
  for (const line of lines) asked.write(`${JSON.stringify(line)}\n`);
  return asked.on('error', () => undefined);
}

it('two long lists follow one another, and a short one comes between', async () => {
  const long = Array<object>(2_000).fill({ id: 'press-1' });
  const { asked, busy } = await halfSent(
    () => begin({ id: 'press-1' }),
    async () => {
      const answer = await changeListed(service, '/devices/suspend?dryRun=true', long);
      return answer.status === 409 ? answer : undefined;
    },
  );
  expect(busy.problem?.code).toBe('revocation_busy');
  const short = await changeListed(service, '/devices/revoke', [{ id: 'press-1' }]);
  expect(short.result?.counts.devices).toBe(1);
  asked.end();
  await once(asked, 'response');
  const after = await eventually(async () => {
    const answer = await changeListed(service, '/devices/revoke', long);
    return answer.status === 200 ? answer : undefined;
  });
  expect(after.result?.counts).toEqual({ devices: 0, certificates: 0, unchanged: 1 });
});
