/** What others who trust the CA learn of a revocation: CRL and OCSP, judged by openssl. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, request } from 'undici';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import { generatePrivateKey, privateKeyPem } from '../../device-sim/identity/private-key.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const inFolder = (name: string) => join(folder, name);
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  for (const id of ['good', 'bad', 'held', 'hasty']) await enroll(id);
  await service.operator('POST', '/devices/bad/revoke', { reason: 'keyCompromise' });
  await service.operator('POST', '/devices/held/suspend', {});
});
afterAll(() => service.close());

async function enroll(id: string): Promise<EnrollResponse> {
  const { token } = await service.createToken({ device: id });
  const { body } = await service.enroll(
    token,
    await csrPem({ commonName: id, privateKey: await generatePrivateKey() }),
  );
  writeFileSync(inFolder(`${id}.pem`), body.certificate);
  writeFileSync(inFolder('issuing.pem'), body.chain);
  return body;
}

const openssl = (...args: string[]) =>
  String(execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] }));
const certificateText = (id: string) => openssl('x509', '-in', inFolder(`${id}.pem`), '-noout', '-text');
const crlUrl = () => /URI:(http:\S+\.crl)/.exec(certificateText('good'))?.[1] ?? '';

/** What was superseded alone is not listed at once; it goes with whatever is urgent. */
async function hurry(): Promise<void> {
  for (const change of ['suspend', 'resume']) await service.operator('POST', `/devices/hasty/${change}`, {});
}

/** The CRL that lists so many certificates: it is built within a second of a revocation. */
async function crlWith(entries: number): Promise<string> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { body } = await service.call<string>(crlUrl().replace(/\.crl$/, '.pem'));
    writeFileSync(inFolder('crl.pem'), body);
    const text = openssl('crl', '-in', inFolder('crl.pem'), '-noout', '-text');
    if ((text.match(/Serial Number:/g) ?? []).length === entries) return text;
    if (Date.now() > deadline) throw new Error(`no CRL with ${entries} entries:\n${text}`);
  }
}

describeWith(['openssl'], 'the CRL at the address in the certificate', () => {
  it('names what is revoked, with its reason, and verifies', async () => {
    const text = await crlWith(2);
    expect(text).toMatch(/Key Compromise/);
    expect(text).toMatch(/Certificate Hold/);
    const verified = spawnSync('openssl', [
      'crl',
      '-in',
      inFolder('crl.pem'),
      '-CAfile',
      inFolder('issuing.pem'),
      '-noout',
    ]);
    expect(String(verified.stderr)).toMatch('verify OK');
  });

  it('makes openssl refuse the revoked certificate and accept the good one', async () => {
    await crlWith(2);
    const verify = (id: string) =>
      spawnSync('openssl', [
        'verify',
        '-crl_check',
        '-CAfile',
        service.layout.rootCertificate,
        '-untrusted',
        inFolder('issuing.pem'),
        '-CRLfile',
        inFolder('crl.pem'),
        inFolder(`${id}.pem`),
      ]);
    expect(verify('good').status).toBe(0);
    expect(String(verify('bad').stderr)).toMatch('certificate revoked');
  });

  it('names a certificate that a later enrollment replaced', async () => {
    await enroll('good');
    await hurry();
    expect(await crlWith(3)).toMatch(/Superseded/);
  });

  it('has a greater number each time, and answers 304 to who has it', async () => {
    const numberOf = (text: string) => Number(/CRL Number:\s+(\d+)/.exec(text)?.[1]);
    const before = numberOf(await crlWith(3));
    await enroll('third');
    await service.operator('POST', '/devices/third/revoke', {});
    expect(numberOf(await crlWith(4))).toBeGreaterThan(before);

    const first = await service.call(crlUrl());
    expect(first.headers['content-type']).toBe('application/pkix-crl');
    const again = await service.call(crlUrl(), { headers: { 'if-none-match': String(first.headers.etag) } });
    expect(again.status).toBe(304);
  });

  it('names a renewed certificate that a later renewal replaced', async () => {
    await crlWith(4);
    const privateKey = await generatePrivateKey();
    const { token } = await service.createToken({ device: 'renewing' });
    const csr = await csrPem({ commonName: 'renewing', privateKey });
    const { certificate, chain } = (await service.enroll(token, csr)).body;
    const connect = { ca: service.ca, cert: certificate + chain, key: privateKeyPem(privateKey) };
    const dispatcher = new Agent({ connect });
    for (const key of [await generatePrivateKey(), await generatePrivateKey()]) {
      const body = JSON.stringify({ csr: await csrPem({ commonName: 'renewing', privateKey: key }) });
      const headers = { 'content-type': 'application/json' };
      const answer = await request(`${service.enrollUrl}/v1/renew`, {
        method: 'POST',
        headers,
        body,
        dispatcher,
      });
      expect([answer.statusCode, await answer.body.text()]).toEqual([201, expect.any(String)]);
    }
    await dispatcher.close();
    await hurry();
    expect((await crlWith(5)).match(/Superseded/g)).toHaveLength(2);
  });

  it('is there for the root too', async () => {
    const fingerprint = openssl(
      'x509',
      '-in',
      service.layout.rootCertificate,
      '-noout',
      '-fingerprint',
      '-sha256',
    );
    const hex = fingerprint.split('=')[1]?.trim().replaceAll(':', '').toLowerCase();
    const { status, body } = await service.call<string>(`${service.statusUrl}/crl/${hex}.pem`);
    expect(status).toBe(200);
    writeFileSync(inFolder('root-crl.pem'), body);
    const all = ['-crl_check_all', '-CRLfile', inFolder('crl.pem'), '-CRLfile', inFolder('root-crl.pem')];
    expect(
      openssl(
        'verify',
        ...all,
        '-CAfile',
        service.layout.rootCertificate,
        '-untrusted',
        inFolder('issuing.pem'),
        inFolder('good.pem'),
      ),
    ).toMatch('OK');
  });

  it('leads to the issuing CA by the certificate alone', async () => {
    const address = /CA Issuers - URI:(\S+)/.exec(certificateText('good'))?.[1] ?? '';
    const { status, headers } = await service.call(address);
    expect([status, headers['content-type']]).toEqual([200, 'application/pkix-cert']);
  });
});

describeWith(['openssl'], 'openssl asking by OCSP', () => {
  const ask = (id: string, ...more: string[]) => {
    const address = /OCSP - URI:(\S+)/.exec(certificateText(id))?.[1] ?? '';
    writeFileSync(inFolder('chain.pem'), readFileSync(inFolder('issuing.pem'), 'utf8') + service.ca);
    const args = [
      'ocsp',
      ...more,
      '-issuer',
      inFolder('issuing.pem'),
      '-cert',
      inFolder(`${id}.pem`),
      '-url',
      address,
      '-CAfile',
      inFolder('chain.pem'),
    ];
    return new Promise<string>((resolve) => {
      execFile('openssl', args, (_error, stdout, stderr) => resolve(stdout + stderr));
    });
  };

  it.each([
    ['good', /good\.pem: good/],
    ['bad', /bad\.pem: revoked[\s\S]*Reason: keyCompromise/],
    ['held', /held\.pem: revoked[\s\S]*Reason: certificateHold/],
  ])('%s: is told so, and the answer verifies', async (id, expected) => {
    for (const digest of ['-sha1', '-sha256']) {
      const answer = await ask(id, digest);
      expect(answer).toMatch(expected);
      expect(answer).toMatch('Response verify OK');
    }
  });

  it('without a nonce is given the same answer again, until something changes', async () => {
    await enroll('asked');
    const options = ['-issuer', inFolder('issuing.pem'), '-cert', inFolder('asked.pem'), '-no_nonce'];
    openssl('ocsp', ...options, '-reqout', inFolder('asked.req'));
    const body = readFileSync(inFolder('asked.req'));
    const answer = async () => {
      const text = await fetchOcsp({ method: 'POST', body });
      return { text, der: readFileSync(inFolder('answer.der')).toString('hex') };
    };
    const first = await answer();
    expect(first.text).toMatch(/Cert Status: good/);
    expect((await answer()).der).toBe(first.der);
    await service.operator('POST', '/devices/asked/revoke', {});
    expect((await answer()).text).toMatch(/Cert Status: revoked/);
  });

  it('is told of a resumption at once', async () => {
    await service.operator('POST', '/devices/held/resume', {});
    expect(await ask('held', '-sha256')).toMatch(/held\.pem: good/);
  });

  it('about a serial number never issued is told that it is unknown', async () => {
    const request = spawnSync('openssl', [
      'ocsp',
      '-sha256',
      '-issuer',
      inFolder('issuing.pem'),
      '-serial',
      '0x1234567890',
      '-reqout',
      inFolder('unknown.req'),
    ]);
    expect(request.status).toBe(0);
    const body = readFileSync(inFolder('unknown.req'));
    const answer = await fetchOcsp({ method: 'POST', body });
    expect(answer).toMatch(/Cert Status: unknown/);
    // The same by GET: base64 in the path, encoded, and raw with its slashes.
    const base64 = body.toString('base64');
    expect(await fetchOcsp({ path: `/${encodeURIComponent(base64)}` })).toMatch(/Cert Status: unknown/);
    expect(await fetchOcsp({ path: `/${base64}` })).toMatch(/Cert Status: unknown/);
  });

  it.each([
    ['nothing', Buffer.alloc(0), /malformedrequest/],
    ['noise', Buffer.from('30ff00', 'hex'), /malformedrequest/],
  ])('with %s gets an answer that says malformed', async (_name, body, expected) => {
    expect(await fetchOcsp({ method: 'POST', body })).toMatch(expected);
  });

  async function fetchOcsp({
    path = '',
    method = 'GET',
    body,
  }: {
    path?: string;
    method?: 'GET' | 'POST';
    body?: Buffer;
  }) {
    const response = await fetch(`${service.statusUrl}/ocsp${path}`, {
      method,
      headers: { 'content-type': 'application/ocsp-request' },
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'application/ocsp-response',
    ]);
    writeFileSync(inFolder('answer.der'), Buffer.from(await response.arrayBuffer()));
    const { stdout, stderr } = spawnSync('openssl', [
      'ocsp',
      '-respin',
      inFolder('answer.der'),
      '-noverify',
      '-resp_text',
    ]);
    return String(stdout) + String(stderr);
  }
});

describe('the status listener', () => {
  it.each([
    ['/crl/00.crl', 404],
    [`/crl/${'0'.repeat(64)}.crl`, 404],
    [`/ca/${'0'.repeat(64)}.cer`, 404],
    ['/ca/..%2F..%2Fca%2Froot.key.pem', 404],
  ])('%s is answered %i', async (path, status) => {
    expect((await service.call(`${service.statusUrl}${path}`)).status).toBe(status);
  });
});
