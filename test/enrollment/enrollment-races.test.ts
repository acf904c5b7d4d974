/** What changes between the two times that an enrollment is decided on counts as it is at the second. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseCsr } from '../../core/pki/csr.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import type { EnrollContext } from '../../enroll/context.ts';
import { loadIssuingAuthority } from '../../enroll/signer/issuing-authority.ts';
import { enrollDevice } from '../../enroll/use-cases/enroll-device.ts';
import { identifyFactory, verifyFactoryPeer } from '../../enroll/use-cases/identify-factory.ts';
import type { Registry } from '../../registry/port.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { keysOf } from '../support/ca-keys.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { type Made, makeDevice, makeRoot, newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { tryRegister } from './factory.ts';

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

const applyGroup = (approval: string) =>
  service.operator('PUT', '/groups/changing', { profile: 'device', policy: 'device', approval });
const registerAs = (idPrefix: string) =>
  tryRegister(service, 'acme', [root], { group: 'changing', admit: 'any', idPrefix });

/** Enrolls; `meanwhile` happens after the first decision, and before the second. */
async function enrollWhile(device: Made, meanwhile: () => Promise<unknown>) {
  const { layout, statusUrl } = service;
  const issuing = await loadIssuingAuthority(registry, keysOf(layout));
  const racing = new Proxy(registry, {
    get(target, property) {
      if (property !== 'write') return Reflect.get(target, property).bind(target);
      const write: Registry['write'] = async (actor, work) => {
        await meanwhile();
        return target.write(actor, work);
      };
      return write;
    },
  });
  const context: EnrollContext = {
    registry: racing,
    issuing,
    clock: systemClock,
    statusUrl,
    ownHostnames: [],
  };
  const csr = await buildCsr({ commonName: null, privateKey: newKey() });
  return enrollDevice(context, {
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

  it('a rule that would give another ID gives none', async () => {
    const device = await makeDevice(root, { cn: 'renamed' });
    const outcome = enrollWhile(device, () => registerAs('other-'));
    await expect(outcome).rejects.toMatchObject({ code: 'factory_id_invalid' });
    for (const id of ['renamed', 'other-renamed']) {
      expect((await service.operator('GET', `/devices/${id}`)).status).toBe(404);
    }
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
