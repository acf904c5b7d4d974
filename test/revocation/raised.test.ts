/**
 * A key that turns out to be compromised after its certificate was revoked for something else: everybody is told, the date
 * of the revocation stays, and nothing takes it back.
 */
import { execFile, execFileSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CertificateView } from '../../core/api/certificates.ts';
import type { DeviceDetail } from '../../core/api/devices.ts';
import { journalOf } from '../import/importing.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { changeAll, changeListed } from './bulk.ts';

const folder = temporaryFolder();
const inFolder = (name: string) => join(folder, name);
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
});
afterAll(() => service.close());

interface Enrolled {
  readonly id: string;
  readonly serialNumber: string;
  readonly privateKey: KeyObject;
}

async function enroll(id: string, privateKey = newKey()): Promise<Enrolled> {
  const { token } = await service.createToken({ device: id });
  const { body } = await service.enroll(token, await csrPem({ commonName: id, privateKey }));
  writeFileSync(inFolder(`${id}.pem`), body.certificate);
  writeFileSync(inFolder('issuing.pem'), body.chain);
  return { id, serialNumber: body.serialNumber, privateKey };
}

async function revoke(path: string, reason: string): Promise<void> {
  const { status, body } = await service.operator('POST', `${path}/revoke`, { reason });
  expect([status, body]).toEqual([200, expect.anything()]);
}

async function certificate({ serialNumber }: Enrolled) {
  return (await service.operator<CertificateView>('GET', `/certificates/${serialNumber}`)).body;
}

/** The rows of the journal about revocations, the newest last. */
async function told() {
  const rows = await journalOf(service);
  return rows.map(({ event }) => event).filter(({ action }) => /revo/.test(action));
}

const forms = [
  ['of a device', ({ id }: Enrolled) => `/devices/${id}`],
  ['of a certificate', ({ serialNumber }: Enrolled) => `/certificates/${serialNumber}`],
] as const;

describe.each(forms)('the reason of a revocation %s', (name, pathOf) => {
  const prefix = name.endsWith('device') ? 'device' : 'certificate';

  it('is raised to keyCompromise, and its date stays', async () => {
    const one = await enroll(`${prefix}-raised`);
    await revoke(pathOf(one), 'cessationOfOperation');
    const before = await certificate(one);
    await revoke(pathOf(one), 'keyCompromise');
    expect(await certificate(one)).toEqual({ ...before, reason: 'keyCompromise' });
    expect((await told()).at(-1)).toMatchObject({
      action: 'revocations.raised',
      data: {
        reason: 'keyCompromise',
        count: 1,
        certificates: [{ serialNumber: one.serialNumber, device: one.id }],
      },
    });
  });

  it('is not raised twice, and never lowered', async () => {
    const one = await enroll(`${prefix}-once`);
    await revoke(pathOf(one), 'keyCompromise');
    const [before, rows] = [await certificate(one), await told()];
    for (const reason of ['keyCompromise', 'superseded', 'unspecified']) await revoke(pathOf(one), reason);
    expect([await certificate(one), await told()]).toEqual([before, rows]);
  });

  it('changes to nothing else', async () => {
    const one = await enroll(`${prefix}-other`);
    await revoke(pathOf(one), 'superseded');
    const [before, rows] = [await certificate(one), await told()];
    for (const reason of ['cessationOfOperation', 'unspecified']) await revoke(pathOf(one), reason);
    expect([await certificate(one), await told()]).toEqual([before, rows]);
  });

  it('bars the key for ever', async () => {
    const one = await enroll(`${prefix}-barred`);
    await revoke(pathOf(one), 'unspecified');
    await revoke(pathOf(one), 'keyCompromise');
    const id = `${prefix}-barred`;
    await service.operator('POST', `/devices/${id}/reinstate`, {});
    const { token } = await service.createToken({ device: id });
    const csr = await csrPem({ commonName: id, privateKey: one.privateKey });
    expect((await service.enroll(token, csr)).body.code).toBe('key_compromised');
  });
});

describe('many at once', () => {
  it('are raised and revoked by one call, and foretold by a dry run', async () => {
    const [fresh, raised, done] = [await enroll('bulk-1'), await enroll('bulk-2'), await enroll('bulk-3')];
    await revoke('/devices/bulk-2', 'unspecified');
    await revoke('/devices/bulk-3', 'keyCompromise');
    const list = [fresh, raised, done].map(({ id }) => ({ id }));
    const path = '/devices/revoke?reason=keyCompromise';
    const rows = await told();
    const counts = { devices: 2, certificates: 2, unchanged: 1 };
    const dry = await changeListed(service, `${path}&dryRun=true`, list);
    expect(dry.result).toEqual({ counts, dryRun: true });
    expect(dry.devices.map(({ id }) => id)).toEqual(['bulk-1', 'bulk-2']);
    expect(await told()).toEqual(rows);
    expect((await changeListed(service, path, list)).result).toEqual({ counts, dryRun: false });
    for (const one of [fresh, raised, done]) expect((await certificate(one)).reason).toBe('keyCompromise');
    expect((await told()).slice(rows.length).map(({ action }) => action)).toEqual([
      'device.revoked', // the one that was not yet
      'revocations.raised',
    ]);
    const { body } = await service.operator<DeviceDetail>('GET', '/devices/bulk-2');
    expect(body.status).toBe('revoked');
  });

  it('of certificates, too', async () => {
    const [fresh, raised] = [await enroll('list-1'), await enroll('list-2')];
    await revoke(`/certificates/${raised.serialNumber}`, 'superseded');
    const list = [fresh, raised].map(({ serialNumber }) => ({ serialNumber }));
    const { result } = await changeListed(service, '/certificates/revoke?reason=keyCompromise', list);
    expect(result).toMatchObject({ counts: { certificates: 2, unchanged: 0 } });
    for (const one of [fresh, raised]) expect((await certificate(one)).reason).toBe('keyCompromise');
  });
});

describe('a whole', () => {
  const keyCompromise = { reason: 'keyCompromise' };
  const reasonsOf = (all: readonly Enrolled[]) =>
    Promise.all(all.map(async (one) => (await certificate(one)).reason));

  it('group is told of with more, whichever of its devices were revoked before', async () => {
    await service.operator('PUT', '/groups/presses', { profile: 'device', policy: 'device' });
    const all = [];
    for (const id of ['group-1', 'group-2', 'group-3', 'group-4']) {
      all.push(await enroll(id));
      await service.operator('PATCH', `/devices/${id}`, { group: 'presses' });
    }
    const [, raised, , half] = all;
    await revoke('/devices/group-2', 'cessationOfOperation');
    await revoke('/devices/group-3', 'keyCompromise');
    // It stands itself, and what it had does not.
    await revoke(`/certificates/${half?.serialNumber}`, 'superseded');
    const before = raised && (await certificate(raised));
    const rows = await told();
    const counts = { devices: 3, certificates: 3, unchanged: 0 };
    const path = '/groups/presses/revoke';

    const dry = await changeAll(service, path, { ...keyCompromise, dryRun: true });
    expect(dry.result).toEqual({ dryRun: true, counts });
    expect(dry.devices.map(({ id }) => id)).toEqual(['group-2', 'group-1', 'group-4']);
    const few = await changeAll(service, path, { ...keyCompromise, atMost: 2 });
    expect(few.problem?.code).toBe('bulk_unconfirmed');
    expect(await told()).toEqual(rows);

    expect((await changeAll(service, path, { ...keyCompromise, atMost: 3 })).result).toEqual({
      dryRun: false,
      counts,
    });
    expect(await reasonsOf(all)).toEqual(Array(4).fill('keyCompromise'));
    expect((raised && (await certificate(raised)))?.revokedAt).toBe(before?.revokedAt);
    expect((await told()).slice(rows.length).map(({ action }) => action)).toEqual([
      'devices.revoked',
      'revocations.raised',
    ]);
    const again = await changeAll(service, path, keyCompromise);
    expect(again.result?.counts).toEqual({ devices: 0, certificates: 0, unchanged: 0 });
  });

  it('group is not told of again with less', async () => {
    const [, rows] = [await revoke('/devices/group-1', 'unspecified'), await told()];
    const { result } = await changeAll(service, '/groups/presses/revoke', { reason: 'superseded' });
    expect(result?.counts.devices).toBe(0);
    expect(await told()).toEqual(rows);
  });

  it('CA is, too', async () => {
    const [stands, lesser] = [await enroll('ca-1'), await enroll('ca-2')];
    await revoke(`/certificates/${lesser.serialNumber}`, 'superseded');
    const { body } = await service.operator<CertificateView>('GET', `/certificates/${stands.serialNumber}`);
    const path = `/issuers/${body.issuer}/revoke-certificates`;
    const dry = await changeAll(service, path, { ...keyCompromise, dryRun: true });
    const serialNumbers = dry.certificates.map(({ serialNumber }) => serialNumber);
    expect(serialNumbers).toEqual(expect.arrayContaining([stands.serialNumber, lesser.serialNumber]));
    const atMost = serialNumbers.length;
    const { result } = await changeAll(service, path, { ...keyCompromise, atMost });
    expect(result?.counts.certificates).toBe(atMost);
    expect(await reasonsOf([stands, lesser])).toEqual(['keyCompromise', 'keyCompromise']);
  });
});

describeWith(['openssl'], 'openssl', () => {
  const openssl = (...args: string[]) => String(execFileSync('openssl', args, { stdio: 'pipe' }));
  const address = (id: string, pattern: RegExp) =>
    pattern.exec(openssl('x509', '-in', inFolder(`${id}.pem`), '-noout', '-text'))?.[1] ?? '';

  /** Date and reason that the list has for it; waits until the reason is this one. */
  async function listed({ id, serialNumber }: Enrolled, part: 'full' | 'delta', reason: string) {
    const url = address(id, /URI:(http:\S+)\.crl/);
    const deadline = Date.now() + 60_000;
    for (;;) {
      const { body } = await service.call<string>(`${url}${part === 'delta' ? '-delta' : ''}.pem`);
      writeFileSync(inFolder('list.pem'), body);
      const text = openssl('crl', '-in', inFolder('list.pem'), '-noout', '-text');
      const entry = text.split('Serial Number: ').find((one) => one.startsWith(serialNumber.toUpperCase()));
      const number = Number(/CRL Number:\s+(\d+)/.exec(text)?.[1]);
      const date = /Revocation Date: (.*)/.exec(entry ?? '')?.[1];
      if (entry?.includes(reason)) return { date, number };
      if (Date.now() > deadline) throw new Error(`not listed for ${reason}:\n${text}`);
    }
  }

  async function asked({ id }: Enrolled): Promise<string> {
    writeFileSync(inFolder('chain.pem'), openssl('x509', '-in', inFolder('issuing.pem')) + service.ca);
    const { stdout, stderr } = await promisify(execFile)('openssl', [
      ...['ocsp', '-sha256', '-no_nonce', '-issuer', inFolder('issuing.pem'), '-cert', inFolder(`${id}.pem`)],
      ...['-url', address(id, /OCSP - URI:(\S+)/), '-CAfile', inFolder('chain.pem')],
    ]);
    expect(stderr).toMatch('Response verify OK');
    return stdout.replace(/\t?(This|Next) Update: .*\n/g, '');
  }

  it('finds the new reason and the old date in the full list, the delta and the answer by OCSP', async () => {
    const one = await enroll('public');
    await revoke('/devices/public', 'cessationOfOperation');
    const full = await listed(one, 'full', 'Cessation Of Operation');
    const delta = await listed(one, 'delta', 'Cessation Of Operation');
    const answer = await asked(one);
    expect(answer).toMatch(/Reason: cessationOfOperation/);

    await revoke('/devices/public', 'keyCompromise');
    const [fullNow, deltaNow] = [
      await listed(one, 'full', 'Key Compromise'),
      await listed(one, 'delta', 'Key Compromise'),
    ];
    expect([fullNow.date, deltaNow.date]).toEqual([full.date, delta.date]);
    expect(fullNow.number).toBeGreaterThan(full.number);
    expect(await asked(one)).toBe(answer.replace('cessationOfOperation', 'keyCompromise'));
  });
});
