/** What changes between the two times that an enrollment or a renewal is decided on counts as it is at the second. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parseDeviceId } from '../../core/ids.ts';
import { parseCsr } from '../../core/pki/csr.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import type { EnrollContext } from '../../enroll/context.ts';
import { loadIssuingAuthority } from '../../enroll/signer/issuing-authority.ts';
import { enrollDevice } from '../../enroll/use-cases/enrolling/enroll-device.ts';
import { identifyFactory, verifyFactoryPeer } from '../../enroll/use-cases/enrolling/identify-factory.ts';
import { renewDevice } from '../../enroll/use-cases/renewing/renew-device.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { beforeWrite } from '../support/before-write.ts';
import { keysOf } from '../support/ca-keys.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { type Made, makeDevice, makeRoot, newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { importDevice, tryRegister } from './factory.ts';
import { enrollHolder } from './renewing.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let registry: Registry;
let root: Made;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  registry = await openRegistry({ file: service.layout.registry.database, clock: systemClock });
  root = await makeRoot('Acme Root');
  await applyGroup('none');
  await registerAs('');
});
afterAll(async () => {
  await registry.close();
  await service.close();
});

const applyGroup = (approval: string, profile = 'device') =>
  service.operator('PUT', '/groups/changing', { profile, policy: 'device', approval });
const applyProfile = (document: object) => service.operator('PUT', '/profiles/changing', document);
const registerAs = (idPrefix: string) =>
  tryRegister(service, 'acme', [root], { group: 'changing', admit: 'any', idPrefix });

async function contextWhile(meanwhile: () => Promise<unknown>): Promise<EnrollContext> {
  const { layout, statusUrl } = service;
  return {
    registry: beforeWrite(registry, meanwhile),
    issuing: await loadIssuingAuthority(registry, keysOf(layout)),
    clock: systemClock,
    statusUrl,
    ownHostnames: [],
  };
}

/** Enrolls; `meanwhile` happens after the first decision, and before the second. */
async function enrollWhile(device: Made, meanwhile: () => Promise<unknown>) {
  const csr = await buildCsr({ commonName: null, privateKey: newKey() });
  return enrollDevice(await contextWhile(meanwhile), {
    token: undefined,
    peer: { chain: [new X509Certificate(device.certificate.der)], chainError: null },
    request: () => parseCsr(csr),
    address: '::1',
  });
}

describe('between the two decisions', () => {
  it('a manufacturer that is removed has no say any more', async () => {
    const device = await makeDevice(root, { cn: 'removed' });
    const outcome = enrollWhile(device, () => service.operator('DELETE', '/manufacturers/acme'));
    await expect(outcome).rejects.toMatchObject({ code: 'factory_certificate_untrusted' });
    await registerAs('');
  });

  it('a group that begins to require approval has the device wait', async () => {
    const device = await makeDevice(root, { cn: 'gated' });
    expect(await enrollWhile(device, () => applyGroup('required'))).toMatchObject({
      kind: 'awaiting',
      retryAfter: 5,
      request: { device: 'gated', status: 'pending' },
    });
    expect((await service.operator('GET', '/devices/gated')).status).toBe(404);
  });

  it('a group that requires it no more has the device ask again', async () => {
    const device = await makeDevice(root, { cn: 'ungated' });
    expect(await enrollWhile(device, () => applyGroup('none'))).toMatchObject({ kind: 'awaiting' });
    expect((await enrollWhile(device, async () => undefined)).kind).toBe('enrolled');
  });
});

describe('what the certificate was made from', () => {
  beforeEach(async () => {
    await applyProfile({ validity: '2d' });
    await applyGroup('none', 'changing');
    await registerAs('');
    await service.operator('PUT', '/groups/other', { profile: 'changing', policy: 'device' });
  });
  const changes: readonly [string, (id: string) => Promise<unknown>][] = [
    ['the rule that gives the ID', () => registerAs('other-')],
    ['the profile', () => applyProfile({ validity: '1d' })],
    ['the profile of the group', () => applyGroup('none', 'device')],
    [
      'what is known of the device',
      (id) => importDevice(service, id, { group: 'changing', attributes: { site: 'Bern' } }),
    ],
  ];

  it.each(changes)('is %s, and with another one nothing is issued', async (what, change) => {
    const id = what.replaceAll(' ', '-');
    const device = await makeDevice(root, { cn: id });
    const outcome = enrollWhile(device, () => change(id));
    await expect(outcome).rejects.toMatchObject({ code: 'terms_changed' });
    for (const claimed of [id, `other-${id}`]) {
      expect(await registry.certificatesOf(parseDeviceId(claimed))).toEqual([]);
    }
  });

  it('is the same where a device becomes known just as it would be: then it enrolls', async () => {
    const device = await makeDevice(root, { cn: 'as-imported' });
    const outcome = await enrollWhile(device, () =>
      importDevice(service, 'as-imported', { group: 'changing' }),
    );
    expect(outcome.kind).toBe('enrolled');
  });

  it('is asked of no operator under an ID that is another by then', async () => {
    await applyGroup('required', 'changing');
    const device = await makeDevice(root, { cn: 'asked' });
    await expect(enrollWhile(device, () => registerAs('other-'))).rejects.toMatchObject({
      code: 'terms_changed',
    });
    const { body } = await service.operator<{ items: { device: string }[] }>('GET', '/requests');
    expect(body.items.filter(({ device }) => device.endsWith('asked'))).toEqual([]);
  });

  const renewalChanges: readonly [string, (id: string) => Promise<unknown>][] = [
    ['the attributes', (id) => service.operator('PATCH', `/devices/${id}`, { attributes: { site: 'Bern' } })],
    ['its group', (id) => service.operator('PATCH', `/devices/${id}`, { group: 'other' })],
    ['its profile', () => applyProfile({ validity: '1d' })],
  ];

  it.each(renewalChanges)('is of a renewal too: %s', async (what, change) => {
    const id = what.replaceAll(' ', '-');
    const holder = await enrollHolder(service, id, { group: 'changing' });
    const current = await registry.certificateBySerial(holder.serialNumber);
    if (current === undefined) throw new Error('not recorded');
    const { fingerprint, serialNumber } = current;
    const csr = parseCsr(await buildCsr({ commonName: id, privateKey: newKey() }));
    const peer = { fingerprint, serialNumber, commonName: id, chainError: null };
    const asked = { peer, request: () => csr };
    const context = await contextWhile(() => change(id));
    await expect(renewDevice(context, asked)).rejects.toMatchObject({ code: 'terms_changed' });
    expect(await registry.certificatesOf(parseDeviceId(id))).toEqual([current]);

    const again = await renewDevice(context, asked);
    expect(await registry.certificatesOf(parseDeviceId(id))).toEqual([again.certificate, current]);
  });
});

it('a factory certificate that has expired since the handshake is expired', async () => {
  const now = Date.now();
  const device = await makeDevice(root, { cn: 'aging' }, { notAfter: now + 60_000 });
  const chain = { leaf: new X509Certificate(device.certificate.der), presented: [] };
  expect((await identifyFactory(registry, chain, now)).certificate.names.cn).toEqual(['aging']);
  await expect(identifyFactory(registry, chain, now + 61_000)).rejects.toMatchObject({
    code: 'factory_certificate_expired',
  });
  expect(() => verifyFactoryPeer({ chain: [], chainError: null })).toThrow(
    expect.objectContaining({ code: 'factory_certificate_untrusted' }),
  );
});
