/** CA keys in a token (SoftHSM): made in it, used in it, and nowhere else. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { decodePem } from '../../core/pki/pem.ts';
import { describeWith } from '../support/external.ts';
import { executable, run, startGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type FleetClient, fleetClient, newCsr } from './fleet-client.ts';
import { filesWithKeysOf } from './private-keys-on-disk.ts';
import { createSoftToken, LABEL, modulePath, type SoftToken } from './soft-token.ts';

const P_256 = '06082a8648ce3d030107';
const P_384 = '06052b81040022';

describeWith(['softhsm2-util', 'openssl'], 'CA keys in a token', () => {
  const folder = temporaryFolder();
  const data = join(folder, 'data');
  let token: SoftToken;
  let gatehouse: TestGatehouse;
  let devices: FleetClient;
  const logs: string[] = [];

  async function start(...flags: string[]): Promise<void> {
    gatehouse = await startGatehouse(data, ...flags);
    devices = fleetClient(gatehouse);
  }
  async function stop(): Promise<void> {
    await devices.close();
    await gatehouse.stop();
    logs.push(gatehouse.log());
  }
  const verified = (chain: string, leaf: string) => {
    const [leafFile, chainFile] = [join(folder, 'leaf.pem'), join(folder, 'chain.pem')];
    writeFileSync(leafFile, leaf);
    writeFileSync(chainFile, chain);
    const args = ['verify', '-x509_strict', '-CAfile', gatehouse.caFile, '-untrusted', chainFile, leafFile];
    return execFileSync('openssl', args, { encoding: 'utf8' }).trim();
  };

  beforeAll(async () => {
    token = createSoftToken(folder);
    await start(...token.flags, '--log-level', 'trace');
  });
  afterAll(() => stop());

  it('are made there, locked in, for signing alone, and named so that an operator finds them', async () => {
    const objects = token.objects();
    const rootFingerprint = new X509Certificate(readFileSync(gatehouse.caFile)).fingerprint256;
    const rootName = `Gatehouse Root CA ${rootFingerprint.replaceAll(':', '').toLowerCase().slice(0, 16)}`;
    const locked = {
      class: 'private',
      token: true,
      private: true,
      sensitive: true,
      extractable: false,
      neverExtractable: true,
      usages: ['CKA_SIGN'],
      value: null,
    };
    const privateKeys = objects.filter((object) => object.class === 'private');
    expect(privateKeys).toHaveLength(2);
    expect(privateKeys).toContainEqual(expect.objectContaining({ ...locked, label: rootName, curve: P_384 }));
    expect(privateKeys).toContainEqual(
      expect.objectContaining({
        ...locked,
        label: expect.stringMatching(/^Gatehouse Issuing CA [0-9a-f]{16}$/),
        curve: P_256,
      }),
    );
    const halves = (half: string) =>
      objects.filter((object) => object.class === half).map(({ id, label }) => `${id} ${label}`);
    expect(halves('public').sort()).toEqual(halves('private').sort());
    const text = execFileSync(
      'openssl',
      ['x509', '-in', gatehouse.caFile, '-noout', '-ext', 'subjectKeyIdentifier'],
      { encoding: 'utf8' },
    );
    const identifier = text.replace(/^.*\n/, '').replaceAll(/[:\s]/g, '').toLowerCase();
    expect(privateKeys.find(({ curve }) => curve === P_384)?.id).toBe(identifier);
  });

  it('are not on the disk in any form', async () => {
    const { status, body } = await devices.enroll(await newCsr('chain-bearer'));
    expect(status).toBe(201);
    const chain = [readFileSync(gatehouse.caFile, 'utf8'), body.chain];
    const keys = chain.map((pem) => new X509Certificate(pem).publicKey);
    expect(filesWithKeysOf(data, keys)).toEqual([]);
    expect(readdirSync(join(data, 'ca'))).toEqual([]);

    // The search finds what is there: a key that was planted, in DER, and the listener's own, in PEM.
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const planted = join(data, 'operator', 'planted');
    writeFileSync(
      planted,
      Buffer.concat([Buffer.from('x'), privateKey.export({ format: 'der', type: 'sec1' })]),
    );
    const listener = join(data, 'tls', 'enroll', 'server.pem');
    const found = filesWithKeysOf(data, [publicKey, new X509Certificate(readFileSync(listener)).publicKey]);
    expect(found.sort()).toEqual([planted, listener].sort());
  });

  it('sign certificates that openssl verifies against the root, a hundred at a time', async () => {
    const csrs = await Promise.all(Array.from({ length: 100 }, (_, index) => newCsr(`crowd-${index}`)));
    const answers = await Promise.all(csrs.map((csr) => devices.enroll(csr)));
    expect(answers.map(({ status }) => status)).toEqual(csrs.map(() => 201));
    const [first] = answers;
    const issuer = new X509Certificate(first?.body.chain ?? '');
    for (const { body } of answers)
      expect(new X509Certificate(body.certificate).verify(issuer.publicKey)).toBe(true);
    const serials = new Set(answers.map(({ body }) => body.serialNumber));
    expect(serials.size).toBe(100);
    expect(verified(first?.body.chain ?? '', first?.body.certificate ?? '')).toMatch(/: OK$/);
  });

  it('sign the CRL', async () => {
    const { body } = await devices.enroll(await newCsr('asks-for-the-crl'));
    const issuer = new X509Certificate(body.chain);
    const name = issuer.fingerprint256.replaceAll(':', '').toLowerCase();
    const answer = await fetch(`${gatehouse.statusUrl}/crl/${name}.pem`);
    const [crl, ca] = [join(folder, 'crl.pem'), join(folder, 'issuing.pem')];
    writeFileSync(crl, await answer.text());
    writeFileSync(ca, body.chain);
    expect(decodePem('X509 CRL', readFileSync(crl, 'utf8')).length).toBeGreaterThan(100);
    const { stderr, code } = await openssl('crl', '-in', crl, '-CAfile', ca, '-noout', '-verify');
    expect([code, stderr.trim()]).toEqual([0, 'verify OK']);
  });

  it('are found again by a later start, which the data folder tells where to look', async () => {
    expect(parse(readFileSync(join(data, 'gatehouse.yaml'), 'utf8'))).toEqual({
      hostname: ['localhost', '127.0.0.1'],
      signer: 'pkcs11',
      pkcs11Module: modulePath,
      pkcs11Token: LABEL,
      pkcs11PinFile: token.pinFile,
    });
    const before = token.objects();
    await stop();
    await start();
    const { status, body } = await devices.enroll(await newCsr('after-the-restart'));
    expect(status).toBe(201);
    expect(verified(body.chain, body.certificate)).toMatch(/: OK$/);
    expect(token.objects()).toEqual(before);
  });

  it('are made there while it runs, where the CA is rolled over with a new root', async () => {
    const before = token.objects().length;
    expect((await gatehouse.command('ca', 'rotate', '--root')).code).toBe(0);
    expect(token.objects()).toHaveLength(2 * before);
    expect(token.objects().filter(({ label }) => label.includes('not in use'))).toEqual([]);
    const { status, body } = await devices.enroll(await newCsr('after-the-rotation'));
    expect(status).toBe(201);
    expect(body.chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(verified(body.chain, body.certificate)).toMatch(/: OK$/);
    expect(readdirSync(join(data, 'ca'))).toEqual([]);
  });

  it('leave no trace of the PIN in the log or in the data folder', async () => {
    const { code } = await run(executable, 'migrate', '--data', join(folder, 'nowhere'), ...token.flags);
    expect(code).toBe(1);
    const written = readdirSync(data, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    const all = [...logs, gatehouse.log(), ...written].join('\n');
    expect(all).toContain('enroll is ready');
    expect(all).not.toContain(token.pin);
  });

  async function openssl(...args: string[]): Promise<{ code: number; stderr: string }> {
    const { spawnSync } = await import('node:child_process');
    const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
    return { code: status ?? -1, stderr };
  }
});
