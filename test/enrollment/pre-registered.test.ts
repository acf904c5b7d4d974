/** Devices that an operator has imported: whose tokens may claim their IDs, and what stays of their records. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { TokenRequest } from '../../core/api/tokens.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { detailOf, importDevice } from './factory.ts';

const folder = temporaryFolder();
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
});
afterAll(() => service.close());

async function enroll(id: string, terms: TokenRequest) {
  const { token } = await service.createToken(terms);
  const { status, body } = await service.enroll(
    token,
    await csrPem({ commonName: id, privateKey: newKey() }),
  );
  return [status, body.code];
}

it.each([
  ['pump-1', 'any ID', {}],
  ['pump-2', 'a pattern', { device: 'pump-*' }],
  ['pump-3', 'exactly this device', { device: 'pump-3' }],
])('%s is enrolled by a token of its group for %s, and keeps its attributes', async (id, _which, terms) => {
  await importDevice(service, id, { attributes: { site: 'north' } });
  expect(await enroll(id, terms)).toEqual([201, undefined]);
  const { group, attributes, certificates } = await detailOf(service, id);
  expect([group, attributes, certificates.length]).toEqual(['devices', { site: 'north' }, 1]);
});

it.each([
  ['control-1', 'any ID', {}],
  ['control-2', 'a pattern', { device: 'control-*' }],
])('%s of another group is not to be had with a token for %s', async (id, _which, terms) => {
  await importDevice(service, id, { group: 'services' });
  expect(await enroll(id, terms)).toEqual([403, 'token_group_mismatch']);
  expect((await detailOf(service, id)).certificates).toEqual([]);
  expect(await enroll(id, { ...terms, group: 'services' })).toEqual([201, undefined]);
});

it('of another group is enrolled into its own by a token that names it', async () => {
  await importDevice(service, 'dispatcher', { group: 'services' });
  expect(await enroll('dispatcher', { device: 'dispatcher' })).toEqual([201, undefined]);
  expect((await detailOf(service, 'dispatcher')).group).toBe('services');
});

it('once enrolled is like any other: no token but its own replaces its key', async () => {
  await importDevice(service, 'settled');
  expect(await enroll('settled', {})).toEqual([201, undefined]);
  expect(await enroll('settled', { device: 'settl*' })).toEqual([409, 'device_already_enrolled']);
  expect(await enroll('settled', { device: 'settled' })).toEqual([201, undefined]);
});

it.each([
  ['suspend', 'device_suspended'],
  ['revoke', 'device_revoked'],
])('is refused after: device %s', async (action, code) => {
  const id = `to-${action}`;
  await importDevice(service, id);
  await service.operator('POST', `/devices/${id}/${action}`, {});
  expect(await enroll(id, { device: id })).toEqual([403, code]);
});
