/** Revocation against whatever a device does at the same moment: what is revoked in between counts. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import { parseDeviceId, parseEntityName } from '../../core/ids.ts';
import { parseCsr } from '../../core/pki/csr.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import type { EnrollContext } from '../../enroll/context.ts';
import { loadIssuingAuthority } from '../../enroll/signer/issuing-authority.ts';
import { enrollDevice } from '../../enroll/use-cases/enrolling/enroll-device.ts';
import { noteFirstUse } from '../../enroll/use-cases/renewing/first-use.ts';
import { renewDevice } from '../../enroll/use-cases/renewing/renew-device.ts';
import { changeDevices, changeOneDevice } from '../../enroll/use-cases/revoking/change-devices.ts';
import { revokeCertificates } from '../../enroll/use-cases/revoking/revoke-certificates.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { enrollHolder, type Holder, renewed, statusOf } from '../enrollment/renewing.ts';
import { imported } from '../import/importing.ts';
import { beforeWrite } from '../support/before-write.ts';
import { keysOf } from '../support/ca-keys.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { changeAll } from './bulk.ts';

const folder = temporaryFolder();
const terms = { atMost: 1_000, onWritten: () => {} };
let service: TestEnroll;
let registry: Registry;
let context: EnrollContext;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  const { layout, statusUrl } = service;
  registry = await openRegistry({ file: layout.registry.database, clock: systemClock });
  const issuing = await loadIssuingAuthority(registry, keysOf(layout));
  context = { registry, issuing, clock: systemClock, statusUrl, ownHostnames: [] };
});
let isServing = true;
async function endService(): Promise<void> {
  if (isServing) await service.close();
  isServing = false;
}
afterAll(async () => {
  await registry.close();
  await endService();
});

const revokeGroup = (group: string) =>
  changeDevices(
    context,
    'system',
    { kind: 'group', group: parseEntityName(group) },
    { kind: 'revoke', reason: 'unspecified' },
    terms,
  );
const revokeCertificate = (
  { serialNumber }: Holder,
  reason: 'unspecified' | 'keyCompromise' = 'unspecified',
) => revokeCertificates(context, 'system', { kind: 'list', serialNumbers: [serialNumber] }, reason, terms);

/** Renews with a new key, or the old one; `meanwhile` happens after the first decision, and before the second. */
async function renewWhile(holder: Holder, meanwhile: () => Promise<unknown>, privateKey = newKey()) {
  const record = await registry.certificateBySerial(holder.serialNumber);
  if (record === undefined) throw new Error('not recorded');
  const { fingerprint, serialNumber } = record;
  const csr = parseCsr(await buildCsr({ commonName: holder.deviceId, privateKey }));
  const peer = { fingerprint, serialNumber, commonName: holder.deviceId, chainError: null };
  return renewDevice(
    { ...context, registry: beforeWrite(registry, meanwhile) },
    { peer, request: () => csr },
  );
}

async function enrollWhile(id: string, meanwhile: () => Promise<unknown>, privateKey = newKey()) {
  const { token } = await service.createToken({ device: id });
  const csr = await buildCsr({ commonName: id, privateKey });
  return enrollDevice(
    { ...context, registry: beforeWrite(registry, meanwhile) },
    { token, request: () => parseCsr(csr), address: '::1' },
  );
}

describe('a renewal gets nothing', () => {
  it('where its group is revoked meanwhile', async () => {
    await service.operator('PUT', '/groups/renewing', { profile: 'device', policy: 'device' });
    const holder = await enrollHolder(service, 'renewing', { group: 'renewing' });
    await expect(renewWhile(holder, () => revokeGroup('renewing'))).rejects.toMatchObject({
      code: 'device_revoked',
    });
  });

  it('where its certificate is revoked meanwhile', async () => {
    const holder = await enrollHolder(service, 'renewing-2');
    await expect(renewWhile(holder, () => revokeCertificate(holder))).rejects.toMatchObject({
      code: 'certificate_revoked',
    });
  });

  it('for a key that is found to be compromised meanwhile, by another certificate of the same', async () => {
    const first = await enrollHolder(service, 'renewing-3');
    const second = await renewed(service, first);
    await expect(renewWhile(second, () => revokeCertificate(first, 'keyCompromise'))).rejects.toMatchObject({
      code: 'key_compromised',
    });
  });

  it('where the device is revoked and reinstated meanwhile', async () => {
    const holder = await enrollHolder(service, 'renewing-4');
    const id = parseDeviceId('renewing-4');
    const meanwhile = async () => {
      await service.operator('POST', `/devices/${id}/revoke`, {});
      await changeOneDevice(context, 'system', id, { kind: 'reinstate' });
    };
    await expect(renewWhile(holder, meanwhile)).rejects.toMatchObject({ code: 'certificate_revoked' });
  });
});

describe('an enrollment gets nothing', () => {
  it('where its group is revoked meanwhile', async () => {
    await service.operator('PUT', '/groups/enrolling', { profile: 'device', policy: 'device' });
    await enrollHolder(service, 'enrolling', { group: 'enrolling' });
    await expect(enrollWhile('enrolling', () => revokeGroup('enrolling'))).rejects.toMatchObject({
      code: 'device_revoked',
    });
  });

  it('for a key that is found to be compromised meanwhile', async () => {
    const holder = await enrollHolder(service, 'enrolling-2');
    await expect(
      enrollWhile('enrolling-2', () => revokeCertificate(holder, 'keyCompromise'), holder.privateKey),
    ).rejects.toMatchObject({ code: 'key_compromised' });
  });
});

it('the first use of a certificate that was revoked supersedes nothing', async () => {
  const first = await enrollHolder(service, 'first-use');
  const second = await renewed(service, first, { privateKey: newKey() });
  await revokeCertificate(second);
  const record = await registry.certificateBySerial(second.serialNumber);
  if (record === undefined) throw new Error('not recorded');
  await noteFirstUse(context, { fingerprint: record.fingerprint, time: Date.now() });
  expect([await statusOf(service, first), await statusOf(service, second)]).toEqual(['active', 'revoked']);
});

it('devices that all renew while their group is revoked have no certificate left', async () => {
  await service.operator('PUT', '/groups/busy', { profile: 'device', policy: 'device' });
  const holders = await Promise.all(
    Array.from({ length: 12 }, (_, index) => enrollHolder(service, `busy-${index}`, { group: 'busy' })),
  );
  const renewals = holders.flatMap((holder) =>
    [0, 1].map(async () =>
      service.renew(holder, await csrPem({ commonName: holder.deviceId, privateKey: newKey() })),
    ),
  );
  const [revocation, ...answers] = await Promise.all([
    changeAll(service, '/groups/busy/revoke', { atMost: 12 }),
    ...renewals,
  ]);
  expect(revocation.result?.counts.devices).toBe(12);
  const given = answers.filter(({ status }) => status < 300).map(({ body }): EnrollResponse => body);
  for (const { serialNumber } of [...holders, ...given]) {
    expect((await registry.certificateBySerial(serialNumber))?.status).not.toBe('active');
  }
  for (const { deviceId } of holders) {
    const { body } = await service.operator<DeviceDetail>('GET', `/devices/${deviceId}`);
    expect(new Set(body.certificates.map(({ status }) => status))).toEqual(new Set(['revoked']));
  }
});

describe('a bulk', () => {
  const entriesOf = (group: string, size: number) =>
    Array.from({ length: size }, (_, index) => ({ id: `${group}:${index}`, group }));
  const revokedOf = async (group: string) =>
    (await registry.devices({ group: parseEntityName(group), status: 'revoked', limit: 10_000 })).length;

  it('that has grown since it was counted is refused whole', async () => {
    await service.operator('PUT', '/groups/growing', { profile: 'device', policy: 'device' });
    await imported(service, entriesOf('growing', 250));
    await expect(
      changeDevices(
        context,
        'system',
        { kind: 'group', group: parseEntityName('growing') },
        { kind: 'revoke', reason: 'unspecified' },
        { ...terms, atMost: 249 },
      ),
    ).rejects.toMatchObject({ code: 'bulk_unconfirmed' });
    expect(await revokedOf('growing')).toBe(0);
  });

  it('gives everything else its turn, and is seen by nobody before its end', async () => {
    await service.operator('PUT', '/groups/large', { profile: 'device', policy: 'device' });
    await imported(service, entriesOf('large', 2_000));
    // There is one writer: in this thread, another that waits for the lock would keep the bulk from ever ending.
    await endService();
    let turns = 0;
    let ended = false;
    const seen = new Set<number>();
    const others = (async () => {
      for (; !ended; turns++) {
        const count = await revokedOf('large');
        if (!ended) seen.add(count);
        await nextTurn();
      }
    })();
    const { devices } = await changeDevices(
      context,
      'system',
      { kind: 'group', group: parseEntityName('large') },
      { kind: 'revoke', reason: 'unspecified' },
      { ...terms, atMost: 2_000 },
    );
    ended = true;
    await others;
    expect([devices, await revokedOf('large')]).toEqual([2_000, 2_000]);
    expect([...seen].filter((count) => count !== 2_000)).toEqual([0]);
    expect(turns).toBeGreaterThan(10);
  });
});
