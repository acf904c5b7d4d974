/** A data folder: made once, never overwritten, begun anew where an init was cut off, with nothing readable in it. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { GatehouseError } from '../../core/errors.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { initialize } from '../../enroll/init.ts';
import { migrate } from '../../enroll/migrate.ts';
import { startEnroll } from '../../enroll/service.ts';
import { systemClock } from '../../runtime/clock.ts';
import { type DataLayout, dataLayout } from '../../runtime/layout.ts';
import { readSettings } from '../../runtime/settings.ts';
import { Closers } from '../../runtime/shutdown.ts';
import { openCheapKeys } from '../support/ca-keys.ts';
import { csrPem, runTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { buildListsHere } from '../support/lists-here.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let count = 0;
const newSettings = (flags: Record<string, unknown> = {}) =>
  readSettings(
    {
      data: join(folder, `data-${count++}`),
      host: '127.0.0.1',
      hostname: 'localhost,127.0.0.1',
      enrollPort: 0,
      statusPort: 0,
      adminPort: 0,
      ...flags,
    },
    {},
  );
type TestSettings = ReturnType<typeof newSettings>;
const init = (settings: TestSettings) => initialize(settings, systemClock, false, openCheapKeys);
/** With keys that cost what they cost an operator. */
const initInEarnest = (settings: TestSettings) => initialize(settings, systemClock, false);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: GatehouseError) => error.code,
  );

let service: TestEnroll | undefined;
afterEach(async () => {
  await service?.close();
  service = undefined;
});

describe('init', () => {
  it('refuses a folder that holds a Gatehouse, and changes nothing in it', async () => {
    const settings = newSettings();
    await init(settings);
    const before = readFileSync(dataLayout(settings.data).rootCertificate, 'utf8');
    expect(await codeOf(init(settings))).toBe('data_exists');
    expect(readFileSync(dataLayout(settings.data).rootCertificate, 'utf8')).toBe(before);
  });

  it('begins anew where an earlier one was cut off', async () => {
    const settings = newSettings();
    const layout = dataLayout(settings.data);
    await init(settings);
    writeFileSync(layout.ca.unfinished, '');
    rmSync(layout.tls.broker);
    expect(await codeOf(runTestEnroll(settings, layout))).toBe('data_incomplete');

    await init(settings);
    service = await runTestEnroll(settings, layout);
    const { token } = await service.createToken();
    const csr = await csrPem({ commonName: 'first', privateKey: await generatePrivateKey() });
    expect((await service.enroll(token, csr)).status).toBe(201);
  });

  it('does not believe a mark on a registry that is in use', async () => {
    const settings = newSettings();
    const layout = dataLayout(settings.data);
    await init(settings);
    service = await runTestEnroll(settings, layout);
    await service.createToken();
    await service.close();
    writeFileSync(layout.ca.unfinished, '');
    expect(await codeOf(init(settings))).toBe('data_damaged');
    rmSync(layout.ca.unfinished);
    service = await runTestEnroll(settings, layout);
  });

  it.each<[string, (layout: DataLayout) => void]>([
    ['the registry', ({ registry }) => rmSync(registry.database)],
    ['the content of the registry', ({ registry }) => writeFileSync(registry.database, '')],
    ['a sound registry', ({ registry }) => writeFileSync(registry.database, 'x'.repeat(8192))],
    ['the keys of the CA', ({ ca }) => rmSync(ca.folder, { recursive: true })],
  ])('neither starts nor begins anew on a Gatehouse that lacks %s', async (_name, damage) => {
    const settings = newSettings();
    const layout = dataLayout(settings.data);
    await init(settings);
    for (const side of ['-wal', '-shm']) rmSync(layout.registry.database + side, { force: true });
    damage(layout);
    expect(await codeOf(runTestEnroll(settings, layout))).toBe('data_damaged');
    expect(['data_damaged', 'data_exists']).toContain(await codeOf(init(settings)));
  });

  it('lets nobody but its owner read keys, tokens and the registry', async () => {
    const settings = newSettings();
    const layout = dataLayout(settings.data);
    await init(settings);
    const secret = [
      ...readdirSync(layout.ca.folder).map((name) => join(layout.ca.folder, name)),
      layout.registry.database,
      layout.registry.writerLock,
      layout.tls.enroll,
      layout.tls.broker,
      layout.operator.token,
    ];
    expect(secret.length).toBeGreaterThanOrEqual(8);
    for (const file of secret) expect([file, statSync(file).mode & 0o077]).toEqual([file, 0]);
  });

  it.each([
    ['file', false],
    ['pkcs11', true],
  ] as const)('is followed by a warning of a passphrase that no key needs: %s', async (signer, isWarned) => {
    const passphraseFile = join(folder, 'idle-passphrase');
    writeFileSync(passphraseFile, 'correct horse battery staple\n');
    const settings = { ...newSettings(), passphraseFile };
    await init(settings);
    const said: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => void said.push(JSON.parse(line).msg) });
    const closers = new Closers();
    const openKeys: typeof openCheapKeys = (layout) => openCheapKeys(layout, settings);
    await startEnroll({ ...settings, signer }, log, closers, { openKeys, openListBuilder: buildListsHere });
    await closers.closeAll(log);
    expect(said.some((line) => line.includes('of no use with --signer pkcs11'))).toBe(isWarned);
  });

  it('leaves no CA key that opens without its passphrase', async () => {
    const passphraseFile = join(folder, 'passphrase');
    writeFileSync(passphraseFile, 'correct horse battery staple\n');
    const settings = newSettings({ passphraseFile });
    const layout = dataLayout(settings.data);
    await initInEarnest(settings);
    const keys = readdirSync(layout.ca.folder).filter((name) => name.endsWith('.key.pem'));
    expect(keys).toHaveLength(2);
    expect(readdirSync(layout.ca.folder)).not.toContain('passphrase');
    for (const name of keys) {
      const pem = readFileSync(join(layout.ca.folder, name), 'utf8');
      expect(pem).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
      // scrypt's cost, block size and parallelization as DER (RFC 7914 §7.1): 16,384, 8 and 5.
      const der = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
      expect(der.toString('hex')).toContain('02024000020108020105');
      expect(() => createPrivateKey({ key: pem, passphrase: 'wrong' })).toThrow();
      expect(createPrivateKey({ key: pem, passphrase: 'correct horse battery staple' }).type).toBe('private');
    }
  });
});

describe('starting', () => {
  it('refuses a folder that holds nothing', async () => {
    const settings = newSettings();
    mkdirSync(settings.data);
    expect(await codeOf(runTestEnroll(settings, dataLayout(settings.data)))).toBe('data_missing');
  });

  it('refuses a wrong passphrase, and a missing one', async () => {
    const settings = newSettings();
    const layout = dataLayout(settings.data);
    await init(settings);
    writeFileSync(layout.ca.passphrase, 'something else\n');
    expect(await codeOf(runTestEnroll(settings, layout))).toBe('passphrase_wrong');
    rmSync(layout.ca.passphrase);
    expect(await codeOf(runTestEnroll(settings, layout))).toBe('passphrase_missing');
  });

  it("works without the root's key", async () => {
    const settings = newSettings();
    const layout = dataLayout(settings.data);
    await init(settings);
    const rootKeys = readdirSync(layout.ca.folder).filter((name) => name.startsWith('root-'));
    for (const name of rootKeys) rmSync(join(layout.ca.folder, name));
    expect(rootKeys).toHaveLength(1);
    service = await runTestEnroll(settings, layout);
    const { token } = await service.createToken();
    const csr = await csrPem({ commonName: 'rootless', privateKey: await generatePrivateKey() });
    expect((await service.enroll(token, csr)).status).toBe(201);
  });

  it.each<[string, (pem: string) => string | null]>([
    ['gone', () => null],
    ['empty', () => ''],
    ['without its key', (pem) => pem.slice(pem.indexOf('-----BEGIN CERTIFICATE'))],
    ['without its chain', (pem) => pem.slice(0, pem.lastIndexOf('-----BEGIN CERTIFICATE'))],
    ['cut in half', (pem) => pem.slice(0, pem.length / 2)],
  ])('mends, before the broker starts, a server certificate that is %s', async (_name, damage) => {
    const settings = newSettings({ logLevel: 'silent' });
    const layout = dataLayout(settings.data);
    await init(settings);
    const damaged = damage(readFileSync(layout.tls.broker, 'utf8'));
    if (damaged === null) rmSync(layout.tls.broker);
    else writeFileSync(layout.tls.broker, damaged);
    await migrate(settings);
    const pem = readFileSync(layout.tls.broker, 'utf8');
    expect(pem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(() => createSecureContext({ key: pem, cert: pem })).not.toThrow();
  });

  it('brings the trust anchor back from the registry', async () => {
    const settings = newSettings({ logLevel: 'silent' });
    const layout = dataLayout(settings.data);
    await init(settings);
    const before = readFileSync(layout.rootCertificate, 'utf8');
    writeFileSync(layout.rootCertificate, '');
    await migrate(settings);
    expect(readFileSync(layout.rootCertificate, 'utf8')).toBe(before);
  });

  it('refuses a folder on which another Gatehouse runs', async () => {
    const settings = newSettings({ logLevel: 'silent' });
    const layout = dataLayout(settings.data);
    await init(settings);
    service = await runTestEnroll(settings, layout);
    expect(await codeOf(runTestEnroll(settings, layout))).toBe('data_in_use');
    expect(await codeOf(migrate(settings))).toBe('data_in_use');
    expect((await service.operator('GET', '/devices')).status).toBe(200);
    await service.close();
    service = await runTestEnroll(settings, layout);
  });

  it('says which port is taken', async () => {
    const settings = newSettings();
    const layout = dataLayout(settings.data);
    await init(settings);
    service = await runTestEnroll(settings, layout);
    const taken = Number(new URL(service.enrollUrl).port);
    const second = newSettings({ enrollPort: taken });
    await init(second);
    expect(await codeOf(runTestEnroll(second, dataLayout(second.data)))).toBe('port_in_use');
  });
});

describeWith(['openssl'], 'openssl', () => {
  it('reads the keys with the passphrase and verifies the chain', async () => {
    const settings = newSettings();
    const layout = dataLayout(settings.data);
    await initInEarnest(settings);
    const keys = readdirSync(layout.ca.folder).filter((name) => name.endsWith('.key.pem'));
    for (const name of keys) {
      const args = [
        'pkey',
        '-in',
        join(layout.ca.folder, name),
        '-passin',
        `file:${layout.ca.passphrase}`,
        '-noout',
        '-check',
      ];
      expect(String(execFileSync('openssl', args))).toMatch('Key is valid');
    }
    const verify = [
      'verify',
      '-x509_strict',
      '-CAfile',
      layout.rootCertificate,
      '-untrusted',
      layout.tls.broker,
    ];
    const server = execFileSync('openssl', [
      ...verify,
      '-purpose',
      'sslserver',
      '-verify_hostname',
      'localhost',
      layout.tls.broker,
    ]);
    expect(String(server)).toMatch('OK');
  });
});
