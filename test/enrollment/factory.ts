/** A running enroll process, and factory devices that enroll at it. */
import type { KeyObject } from 'node:crypto';
import { expect } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import type { ManufacturerRequest, ManufacturerView } from '../../core/api/manufacturers.ts';
import type { Problem } from '../../core/api/problem.ts';
import { csrPem, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { type Made, makeDevice, newKey } from '../support/factory.ts';

/** Registers a manufacturer, which must succeed, and waits until the device listener trusts it. @param cas its anchor first */
export async function register(
  service: TestEnroll,
  name: string,
  cas: readonly Made[],
  rule: Partial<ManufacturerRequest> = {},
): Promise<ManufacturerView> {
  const { status, body } = await tryRegister(service, name, cas, { group: 'devices', admit: 'any', ...rule });
  expect([status, body.code]).toEqual([200, undefined]);
  const [anchor] = cas;
  if (anchor === undefined) throw new Error('no anchor');
  // A certificate that gives no ID is refused for that as soon as its chain is accepted.
  const probe = await makeDevice(anchor, { o: 'probe' });
  await eventually(async () => (await enrollBy(service, probe)).body.code === 'factory_id_invalid');
  return body;
}

export function tryRegister(
  service: TestEnroll,
  name: string,
  cas: readonly Made[],
  rule: Partial<ManufacturerRequest> = {},
) {
  const certificates = cas.map(({ certificate }) => certificate.pem).join('');
  return service.operator<ManufacturerView & Problem>('PUT', `/manufacturers/${name}`, {
    certificates,
    ...rule,
  });
}

export interface Asking {
  readonly privateKey?: KeyObject;
  readonly commonName?: string | null;
  readonly token?: string;
}

/** POST /v1/enroll with a factory certificate, by default for a new key and without a CN. */
export async function enrollBy(service: TestEnroll, device: Made, asking: Asking = {}) {
  const { privateKey = newKey(), commonName = null, token = null } = asking;
  return service.enroll(token, await csrPem({ commonName, privateKey }), device);
}

/** The same, which must give a new certificate. */
export async function enrolledBy(
  service: TestEnroll,
  device: Made,
  asking: Asking = {},
): Promise<EnrollResponse> {
  const { status, body } = await enrollBy(service, device, asking);
  expect([status, body.code, body.detail]).toEqual([201, undefined, undefined]);
  return body;
}

/** The same, which must be refused. */
export async function expectRefused(
  answer: ReturnType<typeof enrollBy>,
  status: number,
  code: string,
): Promise<void> {
  const { status: found, body } = await answer;
  expect([found, body.code, body.detail]).toEqual([status, code, expect.any(String)]);
}

export async function detailOf(service: TestEnroll, id: string): Promise<DeviceDetail> {
  return (await service.operator<DeviceDetail>('GET', `/devices/${id}`)).body;
}

/** A device as an operator imports it: a record that has never had a certificate. */
export async function importDevice(
  service: TestEnroll,
  id: string,
  { group = 'devices', attributes = {} }: { group?: string; attributes?: Record<string, string> } = {},
): Promise<void> {
  const { status } = await service.operator('POST', '/devices', { id, group, attributes });
  expect(status).toBe(201);
}
