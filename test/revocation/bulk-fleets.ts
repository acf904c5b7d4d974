/** Groups of devices to be changed at once, and what became of them. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import { enrollHolder, type Holder, statusOf } from '../enrollment/renewing.ts';
import { changesAfter } from '../import/importing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
export let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
});
afterAll(() => service.close());

let groups = 0;
/** A group of its own, with devices that are enrolled. */
export async function fleet(size: number) {
  const group = `group-${++groups}`;
  await service.operator('PUT', `/groups/${group}`, { profile: 'device', policy: 'device' });
  const holders: Holder[] = [];
  for (let index = 0; index < size; index++) {
    holders.push(await enrollHolder(service, `${group}:${index}`, { group }));
  }
  return { group, holders };
}
export const statusOfDevice = async (id: string) =>
  (await service.operator<DeviceDetail>('GET', `/devices/${id}`)).body.status;
export const statusesOf = (holders: readonly Holder[]) =>
  Promise.all(holders.map(async (one) => [await statusOfDevice(one.deviceId), await statusOf(service, one)]));
export const eventsAfter = async (seq: number) =>
  (await changesAfter(service, seq)).map(({ event }) => event);
export const nothingAfter = async (seq: number) => expect(await changesAfter(service, seq)).toEqual([]);
