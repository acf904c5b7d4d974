/** What happens at the same time as a rollover: nothing is recorded under a CA that has ended meanwhile. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CaStatusView, IssuerView } from '../../core/api/issuers.ts';
import { parseDeviceId } from '../../core/ids.ts';
import { parseCsr } from '../../core/pki/csr.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import type { EnrollContext } from '../../enroll/context.ts';
import { countFleet } from '../../enroll/rollover/ca-status.ts';
import { retireCa } from '../../enroll/rollover/retire-ca.ts';
import { loadIssuingAuthority } from '../../enroll/signer/issuing-authority.ts';
import { enrollDevice } from '../../enroll/use-cases/enrolling/enroll-device.ts';
import { renewDevice } from '../../enroll/use-cases/renewing/renew-device.ts';
import { changeOneDevice } from '../../enroll/use-cases/revoking/change-devices.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { IssuerRecord } from '../../registry/records.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/log.ts';
import { enrollHolder, renewed } from '../enrollment/renewing.ts';
import { beforeWrite } from '../support/before-write.ts';
import { keysOf } from '../support/ca-keys.ts';
import { type Publishing, startPublishing } from '../support/crl-publishing.ts';
import { runTestEnroll, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const silent = createLogger('test', { level: 'silent', format: 'json' });
let service: TestEnroll;
let registry: Registry;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  registry = await openRegistry({ file: service.layout.registry.database, clock: systemClock });
});
afterAll(async () => {
  await registry.close();
  await service.close();
});

const issuers = async () =>
  (await service.operator<{ items: IssuerView[] }>('GET', '/issuers')).body.items.filter(
    ({ kind }) => kind === 'issuing',
  );

/** A process that signs with the CA of now, and records only once a new one has taken over and this one has ended. */
async function lateContext(): Promise<EnrollContext> {
  const issuing = await current();
  const { fingerprint } = issuing.current().certificate;
  const late = beforeWrite(registry, async () => {
    const { status } = await service.operator('POST', '/issuers/rotate', {});
    const retired = await service.operator('POST', `/issuers/${fingerprint}/retire`, { lockOut: 100 });
    expect([status, retired.status]).toEqual([201, 200]);
  });
  return { registry: late, issuing, clock: systemClock, statusUrl: service.statusUrl, ownHostnames: [] };
}

describe('a certificate that was signed by a CA that has ended when it is to be recorded', () => {
  it('is thrown away: of an enrollment', async () => {
    const { token } = await service.createToken({ device: 'late' });
    const csr = parseCsr(await buildCsr({ commonName: 'late', privateKey: await generatePrivateKey() }));
    const context = await lateContext();
    await expect(enrollDevice(context, { token, request: () => csr, address: '::1' })).rejects.toMatchObject({
      code: 'terms_changed',
    });
    expect((await service.operator('GET', '/devices/late')).status).toBe(404);
    const outcome = await enrollDevice(
      { ...context, registry, issuing: await current() },
      { token, request: () => csr, address: '::1' },
    );
    const issuer = (await issuers()).at(-1)?.fingerprint;
    expect(outcome).toMatchObject({ enrollment: { certificate: { issuer } } });
  });

  it('is thrown away: of a renewal, for its old certificate has ended as well', async () => {
    const holder = await enrollHolder(service, 'renewing');
    const record = await registry.certificateBySerial(holder.serialNumber);
    if (record === undefined) throw new Error('not recorded');
    const { fingerprint, serialNumber } = record;
    const peer = { fingerprint, serialNumber, commonName: 'renewing', chainError: null };
    const csr = parseCsr(await buildCsr({ commonName: 'renewing', privateKey: holder.privateKey }));
    await expect(renewDevice(await lateContext(), { peer, request: () => csr })).rejects.toMatchObject({
      code: 'issuer_retired',
    });
    expect(await registry.certificatesOf(parseDeviceId('renewing'))).toHaveLength(1);
  });

  it('is given all the same where the CA is retiring only', async () => {
    const context = {
      registry,
      issuing: await current(),
      clock: systemClock,
      statusUrl: service.statusUrl,
      ownHostnames: [],
    };
    const retiring = context.issuing.current().certificate.fingerprint;
    await service.operator('POST', '/issuers/rotate', {});
    const { token } = await service.createToken({ device: 'in-between' });
    const csr = parseCsr(
      await buildCsr({ commonName: 'in-between', privateKey: await generatePrivateKey() }),
    );
    const outcome = await enrollDevice(context, { token, request: () => csr, address: '::1' });
    expect(outcome).toMatchObject({ enrollment: { certificate: { issuer: retiring } } });
  });
});

function current() {
  return loadIssuingAuthority(registry, keysOf(service.layout));
}

describe('a CA that is to be retired', () => {
  let retiring: IssuerRecord;
  let context: EnrollContext;
  let publishing: Publishing;
  const publish = () =>
    startPublishing({
      ...{ registry, database: service.layout.registry.database, folder: join(folder, 'crls') },
      ...{ issuing: context.issuing, statusUrl: service.statusUrl },
    });
  afterAll(() => publishing.close());
  /** Records a certificate of the retiring CA. */
  const enrollUnderIt = async (id: string, known: EnrollContext) => {
    const { token } = await service.createToken({ device: id });
    const csr = parseCsr(await buildCsr({ commonName: id, privateKey: await generatePrivateKey() }));
    return enrollDevice(known, { token, request: () => csr, address: '::1' });
  };
  const retire = async (happens: () => Promise<unknown>, lockOut: number) => {
    const { layout } = service;
    const issuing = await current();
    const others = { keys: keysOf(layout), log: silent, crls: publishing.crls };
    const nothing = async () => {};
    const follows = { renewServerCertificates: nothing, publishTrustAnchors: nothing };
    return retireCa(
      { ...context, ...others, ...follows, issuing, registry: beforeWrite(registry, happens) },
      'operator:admin',
      retiring.fingerprint,
      { lockOut },
    );
  };
  beforeAll(async () => {
    context = {
      registry,
      issuing: await current(),
      clock: systemClock,
      statusUrl: service.statusUrl,
      ownHostnames: [],
    };
    const { fingerprint } = context.issuing.current().certificate;
    await service.operator('POST', '/issuers/rotate', {});
    const record = await registry.issuer(fingerprint);
    if (record === undefined) throw new Error('it has gone');
    retiring = record;
    publishing = await publish();
  });

  it('is not, where a device has come to depend on it since that was counted', async () => {
    const { dependents } = await countFleet(registry, retiring.fingerprint, Date.now());
    await expect(retire(() => enrollUnderIt('just-in-time', context), dependents)).rejects.toMatchObject({
      code: 'issuer_in_use',
    });
    expect((await registry.issuer(retiring.fingerprint))?.status).toBe('retiring');
  });

  it('signs its last CRLs again, where something was revoked since', async () => {
    const device = parseDeviceId('revoked-in-between');
    const outcome = await enrollUnderIt(device, context);
    if (outcome.kind !== 'enrolled') throw new Error(outcome.kind);
    const { serialNumber } = outcome.enrollment.certificate;
    const before = await registry.crlNumber(retiring.fingerprint);
    await retire(
      () => changeOneDevice(context, 'operator:admin', device, { kind: 'revoke', reason: 'keyCompromise' }),
      100,
    );
    expect(await registry.crlNumber(retiring.fingerprint)).toBeGreaterThanOrEqual(before + 2n);

    const last = await registry.keptCrl(retiring.fingerprint, 'full');
    expect(last?.nextUpdate).toBe(retiring.notAfter);
    expect(Buffer.from(last?.der ?? []).includes(Buffer.from(serialNumber, 'hex'))).toBe(true);
    expect(await publishing.store.find({ issuer: retiring.fingerprint, part: 'full' })).toEqual(last);
    // Whoever still holds its key, and has not heard of its end, takes nothing back.
    await (await publish()).close();
    expect(await registry.crlNumber(retiring.fingerprint)).toBe(last?.number);
    expect(await registry.keptCrl(retiring.fingerprint, 'full')).toEqual(last);
  });
});

describe('a retiring CA that has lost its key', () => {
  it('keeps nobody from starting, and can be retired', async () => {
    const retiring = (await issuers()).find(({ status }) => status === 'retiring');
    if (retiring === undefined) throw new Error('none is retiring');
    const { settings, layout } = service;
    await service.close();
    rmSync(layout.ca.issuingKey(retiring.fingerprint));
    service = await runTestEnroll(settings, layout);
    await renewed(service, await enrollHolder(service, 'as-ever'));
    const { status } = await service.operator('POST', `/issuers/${retiring.fingerprint}/retire`, {
      lockOut: 9,
    });
    expect(status).toBe(200);
    const { body } = await service.operator<CaStatusView>('GET', '/issuers/status');
    expect(body.issuers.filter((one) => one.status === 'retiring')).toEqual([]);
  });
});
