/** What is counted of OCSP, as an operator reads it. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { sequence } from '../../core/pki/der.ts';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { certId, nonceOf, requestOf } from '../support/ocsp.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { ask, issuerOf, requestAbout } from './asking.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let holder: Holder;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  holder = await enrollHolder(service, 'asked');
});
afterAll(() => service.close());

/** The value of each sample whose name begins so, by its labels. */
async function samples(name: string): Promise<Record<string, number>> {
  const headers = { authorization: `Bearer ${service.adminToken}` };
  const { body } = await service.call<string>(`${service.adminUrl}/metrics`, { headers });
  const lines = body.split('\n').flatMap((line) => {
    const [, labels, value] = line.startsWith(`${name}{`) ? (/\{(.*)\} (\S+)/.exec(line) ?? []) : [];
    return labels === undefined ? [] : [[labels, Number(value)] as const];
  });
  return Object.fromEntries(lines);
}

it('tells what was answered, and whether it had to be signed', async () => {
  const answersBefore = await samples('gatehouse_ocsp_answers_total');
  const timesBefore = await samples('gatehouse_ocsp_seconds_count');
  const about = (serialNumber: bigint) => sequence(certId('sha1', serialNumber, issuerOf(holder)));
  const number = BigInt(`0x${holder.serialNumber}`);
  for (let index = 0; index < 3; index++) await ask(service.statusUrl, 'GET', requestAbout(holder));
  await ask(service.statusUrl, 'POST', requestOf([about(number), about(5n)], nonceOf(8)));
  await service.operator('POST', '/devices/asked/revoke', {});
  await ask(service.statusUrl, 'GET', requestAbout(holder));
  await ask(service.statusUrl, 'POST', Buffer.of(1));

  const since = (now: Record<string, number>, before: Record<string, number>) =>
    Object.fromEntries(Object.entries(now).map(([labels, value]) => [labels, value - (before[labels] ?? 0)]));
  expect(since(await samples('gatehouse_ocsp_answers_total'), answersBefore)).toEqual({
    'answer="good"': 4,
    'answer="unknown"': 1,
    'answer="revoked"': 1,
    'answer="malformedRequest"': 1,
  });
  expect(since(await samples('gatehouse_ocsp_seconds_count'), timesBefore)).toEqual({
    'source="kept"': 2,
    'source="signed"': 3,
    'source="refused"': 1,
  });
});
