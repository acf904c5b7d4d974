/** Over the registry's life no key ever serves two devices, and no serial number two certificates. */
import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import type { TokenView } from '../../core/api/tokens.ts';
import { parseDeviceId } from '../../core/ids.ts';
import { parseCsr } from '../../core/pki/csr.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import type { EnrollContext } from '../../enroll/context.ts';
import { loadIssuingAuthority } from '../../enroll/signer/issuing-authority.ts';
import { enrollDevice } from '../../enroll/use-cases/enrolling/enroll-device.ts';
import { renewDevice } from '../../enroll/use-cases/renewing/renew-device.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { RegistryTransaction } from '../../registry/port/transaction.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { keysOf } from '../support/ca-keys.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { askRenewal, enrollHolder, type Holder, renewed, statusOf, untilStatus } from './renewing.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let registry: Registry;
let other: Holder;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  registry = await openRegistry({ file: service.layout.registry.database, clock: systemClock });
  other = await enrollHolder(service, 'other');
});
afterAll(async () => {
  await registry.close();
  await service.close();
});

async function expectRefusedToOthers(privateKey: KeyObject): Promise<void> {
  const { id, token } = await service.createToken({ device: 'somebody' });
  const enrolled = await service.enroll(token, await csrPem({ commonName: 'somebody', privateKey }));
  expect([enrolled.status, enrolled.body.code]).toEqual([409, 'key_in_use']);
  const { body } = await service.operator<{ items: TokenView[] }>('GET', '/tokens');
  expect(body.items.find((one) => one.id === id)?.uses).toBe(0);
  const renewal = await askRenewal(service, other, { privateKey });
  expect([renewal.status, renewal.body.code]).toEqual([409, 'key_in_use']);
}

describe('a key that another device', () => {
  it('has is refused', async () => {
    const { privateKey } = await enrollHolder(service, 'holder');
    await expectRefusedToOthers(privateKey);
  });

  it('was given and never used is refused', async () => {
    const holder = await enrollHolder(service, 'waiting');
    const successor = await renewed(service, holder, { privateKey: await generatePrivateKey() });
    expect(await statusOf(service, successor)).toBe('active');
    await expectRefusedToOthers(successor.privateKey);
  });

  it('had before it enrolled anew is refused', async () => {
    const holder = await enrollHolder(service, 'replaced');
    const { token } = await service.createToken({ device: 'replaced' });
    const again = await csrPem({ commonName: 'replaced', privateKey: await generatePrivateKey() });
    expect((await service.enroll(token, again)).status).toBe(201);
    expect(await statusOf(service, holder)).toBe('superseded');
    await expectRefusedToOthers(holder.privateKey);
  });

  it('had before it renewed, twice over, is refused', async () => {
    const first = await enrollHolder(service, 'renewed');
    const second = await renewed(service, first, { privateKey: await generatePrivateKey() });
    await renewed(service, second, { privateKey: await generatePrivateKey() });
    await untilStatus(service, first, 'superseded');
    await expectRefusedToOthers(first.privateKey);
    await expectRefusedToOthers(second.privateKey);
  });

  it('had until it was suspended, or revoked, is refused', async () => {
    const { privateKey } = await enrollHolder(service, 'barred');
    await service.operator('POST', '/devices/barred/suspend');
    await expectRefusedToOthers(privateKey);
    await service.operator('POST', '/devices/barred/revoke', { reason: 'privilegeWithdrawn' });
    await expectRefusedToOthers(privateKey);
  });

  it('had in a certificate that has expired is refused', async () => {
    const holder = await enrollHolder(service, 'expired');
    const database = new Sqlite(service.layout.registry.database);
    database
      .prepare('UPDATE certificates SET notBefore = 1, notAfter = 2 WHERE serialNumber = ?')
      .run(holder.serialNumber);
    database.close();
    await expectRefusedToOthers(holder.privateKey);
  });

  it('asks for at the same moment is given to one of them', async () => {
    const privateKey = await generatePrivateKey();
    const answers = await Promise.all(
      ['twin-1', 'twin-2', 'twin-3'].map(async (id) => {
        const { token } = await service.createToken({ device: id });
        return service.enroll(token, await csrPem({ commonName: id, privateKey }));
      }),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });
});

describe('a serial number that was given out before', () => {
  /** The same registry, in which every new certificate comes with the serial number of `other`: one in 2^126. */
  function colliding(): Registry {
    const collide = (transaction: RegistryTransaction): RegistryTransaction =>
      new Proxy(transaction, {
        get(target, name: keyof RegistryTransaction) {
          if (name !== 'insertCertificate') return (target[name] as () => unknown).bind(target);
          const { serialNumber } = other;
          return (record: Parameters<RegistryTransaction['insertCertificate']>[0]) =>
            target.insertCertificate({ ...record, serialNumber });
        },
      });
    return new Proxy(registry, {
      get(target, name: keyof Registry) {
        if (name !== 'write') return (target[name] as () => unknown).bind(target);
        const write: Registry['write'] = (actor, work) =>
          target.write(actor, (inner) => work(collide(inner)));
        return write;
      },
    });
  }
  let context: EnrollContext;
  beforeAll(async () => {
    const { layout, statusUrl } = service;
    const issuing = await loadIssuingAuthority(registry, keysOf(layout));
    context = { registry: colliding(), issuing, clock: systemClock, statusUrl, ownHostnames: [] };
  });

  it('leads to a fault inside that issues nothing, and the token is as good as before', async () => {
    const privateKey = await generatePrivateKey();
    const { id, token } = await service.createToken();
    const csr = await buildCsr({ commonName: 'unlucky', privateKey });
    const head = await registry.journalHead();
    const enrolling = enrollDevice(context, { token, request: () => parseCsr(csr), address: '::1' });
    await expect(enrolling).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT_UNIQUE' });

    expect(await registry.device(parseDeviceId('unlucky'))).toBeUndefined();
    expect((await registry.token(id))?.uses).toBe(0);
    const written = (await registry.journal(head, 100)).map(({ event }) => event.action);
    // The service itself may have published a CRL meanwhile.
    expect(written.filter((action) => action !== 'crl.issued')).toEqual([]);
    const again = await service.enroll(token, await csrPem({ commonName: 'unlucky', privateKey }));
    expect(again.status).toBe(201);
  });

  it('does so on renewal too, and the old certificate stands', async () => {
    const holder = await enrollHolder(service, 'renewing');
    const record = await registry.certificateBySerial(holder.serialNumber);
    if (record === undefined) throw new Error('not recorded');
    const csr = await buildCsr({ commonName: 'renewing', privateKey: await generatePrivateKey() });
    const peer = {
      fingerprint: record.fingerprint,
      serialNumber: record.serialNumber,
      commonName: 'renewing',
      chainError: null,
    };
    await expect(renewDevice(context, { peer, request: () => parseCsr(csr) })).rejects.toMatchObject({
      code: 'SQLITE_CONSTRAINT_UNIQUE',
    });
    expect(await registry.certificatesOf(parseDeviceId('renewing'))).toEqual([record]);
    expect((await renewed(service, holder)).serialNumber).not.toBe(holder.serialNumber);
  });
});
