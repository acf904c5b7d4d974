/** Who may not renew, and for which keys and names: each refusal leaves everything as it was. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import type { DeviceDetail } from '../../core/api/devices.ts';
import { parseDeviceId, parseEntityName } from '../../core/ids.ts';
import { parseCsr } from '../../core/pki/csr.ts';
import { issueDeviceCertificate } from '../../core/pki/issue.ts';
import { defaultProfile, parseProfile } from '../../core/pki/profile.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import type { EnrollContext } from '../../enroll/context.ts';
import { loadIssuingAuthority } from '../../enroll/signer/issuing-authority.ts';
import { renewDevice } from '../../enroll/use-cases/renewing/renew-device.ts';
import { changeOneDevice } from '../../enroll/use-cases/revoking/change-devices.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { issueDevice, selfSigned } from '../broker/authority.ts';
import { createAuthority } from '../pki/test-authority.ts';
import { beforeWrite } from '../support/before-write.ts';
import { keysOf } from '../support/ca-keys.ts';
import { type ClientIdentity, csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { askRenewal, enrollHolder, type Holder, holderOf, keyFingerprintOf } from './renewing.ts';

const folder = temporaryFolder();
let service: TestEnroll;
/** The same registry and CA, without HTTP around them. */
let registry: Registry;
let context: EnrollContext;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  const { layout } = service;
  registry = await openRegistry({ file: layout.registry.database, clock: systemClock });
  const issuing = await loadIssuingAuthority(registry, keysOf(layout));
  context = { registry, issuing, clock: systemClock, statusUrl: service.statusUrl, ownHostnames: [] };
});
afterAll(async () => {
  await registry.close();
  await service.close();
});

async function countOf(id: string): Promise<number> {
  return (await service.operator<DeviceDetail>('GET', `/devices/${id}`)).body.certificates.length;
}

async function expectRefusal(identity: ClientIdentity | null, csr: string, status: number, code: string) {
  const answer = await service.renew(identity, csr);
  expect([answer.status, answer.body.code]).toEqual([status, code]);
  expect(answer.headers.date).toBeDefined();
}

describe('a peer', () => {
  let csr: string;
  beforeAll(async () => {
    csr = await csrPem({ commonName: 'stranger', privateKey: await generatePrivateKey() });
  });

  it('without a certificate is refused', () => expectRefusal(null, csr, 401, 'certificate_missing'));
  it('without a certificate is refused before its request is read', () =>
    expectRefusal(null, 'no request', 401, 'certificate_missing'));

  it('with a self-signed certificate is refused', async () => {
    const { key, chain } = await selfSigned('stranger');
    await expectRefusal({ key, cert: chain }, csr, 403, 'certificate_untrusted');
  });

  it("with another CA's certificate is refused, expired or not", async () => {
    const now = Date.now();
    const { issuing } = await createAuthority({ now });
    const current = await issueDevice(issuing, 'stranger');
    await expectRefusal({ key: current.key, cert: current.chain }, csr, 403, 'certificate_untrusted');
    // OpenSSL may say no more of it than that it has expired: the registry has the last word.
    const expired = await issueDevice(issuing, 'stranger', { now: now - 2_000_000, validity: 1_000_000 });
    const { status, body } = await service.renew({ key: expired.key, cert: expired.chain }, csr);
    expect(status).toBe(403);
    expect(['certificate_untrusted', 'certificate_unknown']).toContain(body.code);
  });

  it('with a certificate that the CA key signed but nobody recorded is refused', async () => {
    const privateKey = await generatePrivateKey();
    const forged = await issueDeviceCertificate({
      issuer: context.issuing.current(),
      profile: parseProfile(defaultProfile),
      device: { id: parseDeviceId('stranger'), group: parseEntityName('devices'), attributes: {} },
      publicKey: publicKeyOf(privateKey),
      now: Date.now(),
      statusUrl: service.statusUrl,
      reservedHostnames: [],
    });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await expectRefusal({ key, cert: forged.pem }, csr, 403, 'certificate_unknown');
  });

  it("with the certificate of one of Gatehouse's listeners is refused", async () => {
    const pem = readFileSync(service.layout.tls.broker, 'utf8');
    const { status } = await service.renew({ key: pem, cert: pem }, csr);
    expect(status).toBe(403);
  });

  it('whose certificate bears another name than its record is refused', async () => {
    const holder = await enrollHolder(service, 'claimant');
    const record = await registry.certificateBySerial(holder.serialNumber);
    if (record === undefined) throw new Error('not recorded');
    const { fingerprint, serialNumber } = record;
    const peer = { fingerprint, serialNumber, commonName: 'someone-else', chainError: null };
    const request = parseCsr(await buildCsr({ commonName: null, privateKey: holder.privateKey }));
    await expect(renewDevice(context, { peer, request: () => request })).rejects.toMatchObject({
      code: 'certificate_mismatch',
    });
  });
});

describe('a request', () => {
  let holder: Holder;
  beforeAll(async () => {
    holder = await enrollHolder(service, 'asker');
  });

  it('that is no CSR is refused', () => expectRefusal(holder, 'hello', 400, 'csr_not_pem'));

  it('for another CN is refused', async () => {
    const csr = await csrPem({ commonName: 'someone-else', privateKey: holder.privateKey });
    await expectRefusal(holder, csr, 403, 'cn_not_allowed');
    expect(await countOf('asker')).toBe(1);
  });

  it("for another device's key is refused", async () => {
    const other = await enrollHolder(service, 'owner');
    const csr = await csrPem({ commonName: 'asker', privateKey: other.privateKey });
    await expectRefusal(holder, csr, 409, 'key_in_use');
  });

  it('for a key on the block-list is refused', async () => {
    const privateKey = await generatePrivateKey();
    const fingerprint = keyFingerprintOf(privateKey);
    await service.operator('POST', '/blocked-keys', { fingerprint });
    await expectRefusal(holder, await csrPem({ commonName: 'asker', privateKey }), 403, 'key_blocked');
    expect(await countOf('asker')).toBe(1);
  });

  it('by a key that came on the block-list since is refused, whatever key it asks for', async () => {
    const leaked = await enrollHolder(service, 'leaked');
    await service.operator('POST', '/blocked-keys', { fingerprint: keyFingerprintOf(leaked.privateKey) });
    const { status, body } = await askRenewal(service, leaked, { privateKey: await generatePrivateKey() });
    expect([status, body.code]).toEqual([403, 'key_blocked']);
  });

  it('for a kind of key that the profile does not take is refused', async () => {
    const { token } = await service.createToken();
    const privateKey = await generatePrivateKey();
    const { body } = await service.enroll(token, await csrPem({ commonName: 'strict', privateKey }));
    await service.operator('PUT', '/profiles/p256', { validity: '1d', keys: ['ec-p256'] });
    await service.operator('PUT', '/groups/strict', { profile: 'p256', policy: 'device' });
    await service.operator('PATCH', '/devices/strict', { group: 'strict' });
    const { status, body: refusal } = await askRenewal(service, holderOf(body, privateKey), {
      privateKey: await generatePrivateKey('ed25519'),
    });
    expect([status, refusal.code]).toEqual([400, 'key_unsupported']);
  });
});

describe('decided again where nothing can change any more', () => {
  it('a device that was revoked meanwhile gets nothing', async () => {
    const holder = await enrollHolder(service, 'meanwhile');
    const record = await registry.certificateBySerial(holder.serialNumber);
    if (record === undefined) throw new Error('not recorded');
    const { fingerprint, serialNumber } = record;
    const late = beforeWrite(registry, () =>
      changeOneDevice(context, 'system', parseDeviceId('meanwhile'), {
        kind: 'revoke',
        reason: 'unspecified',
      }),
    );
    const csr = parseCsr(await buildCsr({ commonName: 'meanwhile', privateKey: holder.privateKey }));
    const peer = { fingerprint, serialNumber, commonName: 'meanwhile', chainError: null };
    await expect(
      renewDevice({ ...context, registry: late }, { peer, request: () => csr }),
    ).rejects.toMatchObject({
      code: 'device_revoked',
    });
    expect(await countOf('meanwhile')).toBe(1);
  });
});

describe('an issuer that is retired', () => {
  it('renews nothing any more', async () => {
    const holder = await enrollHolder(service, 'orphan');
    const database = new Sqlite(service.layout.registry.database);
    database.exec(`UPDATE issuers SET status = 'retired' WHERE kind = 'issuing'`);
    database.close();
    await eventually(async () => (await askRenewal(service, holder)).status === 403);
    expect((await askRenewal(service, holder)).body.code).toBe('issuer_retired');
    expect(await countOf('orphan')).toBe(1);
  });
});
