/** Two engines ask a running Gatehouse by OCSP: OpenSSL and GnuTLS. What they are told is what an operator did. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { loadIssuingAuthority } from '../../enroll/signer/issuing-authority.ts';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import { enrollHolder, type Holder } from '../enrollment/renewing.ts';
import { createAuthority, generateKeyPair, issueDevice } from '../pki/test-authority.ts';
import { keysOf } from '../support/ca-keys.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const inFolder = (name: string) => join(folder, name);
let service: TestEnroll;
let revokedAt = 0;

beforeAll(async () => {
  service = await startTestEnroll(folder);
  for (const id of ['good', 'stolen', 'gone', 'held', 'back', 'replaced'])
    keep(id, await enrollHolder(service, id));
  revokedAt = Date.now();
  await change('stolen', 'revoke', { reason: 'keyCompromise' });
  await change('gone', 'revoke');
  await change('held', 'suspend');
  await change('back', 'suspend');
  await change('back', 'resume');
  await enrollHolder(service, 'replaced', { device: 'replaced' });

  const foreign = (await createAuthority({ now: Date.now() })).issuing;
  const device = await issueDevice({ issuer: foreign, now: Date.now(), keys: generateKeyPair('ec-p256') });
  writeFileSync(inFolder('foreign.pem'), device.pem);
  writeFileSync(inFolder('foreign-ca.pem'), foreign.certificate.pem);
  writeFileSync(inFolder('never.pem'), await signedBehindTheRegistry());
  writeFileSync(inFolder('root.pem'), service.ca);
});
afterAll(() => service.close());

/** By the CA's own key, and the registry knows nothing of it. */
async function signedBehindTheRegistry(): Promise<string> {
  const registry = await openRegistryView({ file: service.layout.registry.database });
  const keys = keysOf(service.layout);
  const issuer = (await loadIssuingAuthority(registry, keys)).current();
  await registry.close();
  const { pem } = await issueDevice({ issuer, now: Date.now(), keys: generateKeyPair('ec-p256') });
  await keys.close();
  return pem;
}

function keep(id: string, { certificate, chain }: Holder): void {
  writeFileSync(inFolder(`${id}.pem`), certificate);
  writeFileSync(inFolder('ca.pem'), chain);
  writeFileSync(inFolder('chain.pem'), chain + service.ca);
}

async function change(id: string, path: string, body: unknown = {}): Promise<void> {
  expect((await service.operator('POST', `/devices/${id}/${path}`, body)).status).toBe(200);
}

/** Both streams; whether it succeeded is in what it says. */
function run(program: string, ...parameters: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, parameters, { cwd: folder, timeout: 60_000 }, (_error, stdout, stderr) => {
      resolve(stdout + stderr);
    });
  });
}

const url = () => `${service.statusUrl}/ocsp`;

describeWith(['openssl'], 'openssl ocsp', () => {
  /** `digests` go before the certificates that they are for. */
  const ask = (id: string, ca = 'ca.pem', digests: readonly string[] = [], ...more: string[]) =>
    run(
      ...(['openssl', 'ocsp', ...digests, '-issuer', ca, '-cert', `${id}.pem`, ...more] as const),
      ...['-url', url(), '-CAfile', 'chain.pem'],
    );

  it.each([
    ['good', /: good\n/],
    ['stolen', /: revoked\n[\s\S]*Reason: keyCompromise/],
    ['gone', /: revoked\n(?![\s\S]*Reason)/],
    ['held', /: revoked\n[\s\S]*Reason: certificateHold/],
    ['back', /: good\n/],
    ['replaced', /: revoked\n[\s\S]*Reason: superseded/],
    ['never', /: unknown\n/],
  ])('%s', async (id, expected) => {
    for (const options of [['-sha1'], ['-sha256'], ['-sha256', '-no_nonce']]) {
      const answer = await ask(id, 'ca.pem', options);
      expect(answer).toMatch(expected);
      expect(answer).toMatch('Response verify OK');
      expect(answer).not.toMatch('WARNING: no nonce');
    }
  });

  it('is told when', async () => {
    const time = /Revocation Time: (.*)/.exec(await ask('stolen'))?.[1] ?? '';
    expect(Math.abs(Date.parse(time) - revokedAt)).toBeLessThan(60_000);
  });

  it('about several at once is told of each', async () => {
    const answer = await ask('good', 'ca.pem', ['-sha256'], '-cert', 'stolen.pem', '-serial', '0x17');
    expect(answer).toMatch(/good\.pem: good[\s\S]*stolen\.pem: revoked[\s\S]*0x17: unknown/);
  });

  it('about another CA, and about ours itself, is told that nobody here may say', async () => {
    expect(await ask('foreign', 'foreign-ca.pem')).toMatch('unauthorized');
    expect(await ask('ca', 'root.pem')).toMatch('unauthorized');
    expect(await ask('good', 'ca.pem', [], '-issuer', 'foreign-ca.pem', '-cert', 'foreign.pem')).toMatch(
      'unauthorized',
    );
  });

  it('finds the address in the certificate', async () => {
    expect(await run('openssl', 'x509', '-in', 'good.pem', '-noout', '-ocsp_uri')).toBe(`${url()}\n`);
  });
});

describeWith(['ocsptool'], "GnuTLS' ocsptool", () => {
  const ask = (id: string, ca = 'ca.pem', ...more: string[]) =>
    run(
      ...(['ocsptool', `--ask=${url()}`, '--load-cert', `${id}.pem`, '--load-issuer', ca] as const),
      ...['--load-signer', ca, ...more],
    );

  it.each([
    ['good', /Certificate Status: good\n/],
    ['stolen', /Certificate Status: revoked\n\s*Revocation time: .*2/],
    ['held', /Certificate Status: revoked\n/],
    ['back', /Certificate Status: good\n/],
    ['replaced', /Certificate Status: revoked\n/],
    ['never', /Certificate Status: unknown\n/],
  ])('%s', async (id, expected) => {
    for (const nonce of ['--nonce', '--no-nonce']) {
      const answer = await ask(id, 'ca.pem', nonce);
      expect(answer).toMatch(expected);
      expect(answer).toMatch('Verifying OCSP Response: Success');
    }
  });

  it('about another CA, and about ours itself, is told that nobody here may say', async () => {
    expect(await ask('foreign', 'foreign-ca.pem')).toMatch(/unauthorized/i);
    expect(await ask('ca', 'root.pem')).toMatch(/unauthorized/i);
  });
});
