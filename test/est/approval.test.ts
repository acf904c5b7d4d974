/** 202 and Retry-After (RFC 7030 §4.2.3): what a client is told that waits, and that strongSwan's waits and comes again. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { RequestView } from '../../core/api/requests.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { certificatesIn } from './certificates-in.ts';
import { basic, callEst, csrText } from './est-client.ts';

const folder = temporaryFolder();
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  writeFileSync(join(folder, 'root.pem'), service.ca);
  await service.operator('PUT', '/groups/gated', {
    profile: 'device',
    policy: 'device',
    approval: 'required',
  });
});
afterAll(() => service.close());

const pendingFor = async (device: string): Promise<RequestView | undefined> => {
  const { body } = await service.operator<{ items: RequestView[] }>('GET', '/requests?status=pending');
  return body.items.find((request) => request.device === device);
};

it.each(['/simpleenroll', '/gated/simpleenroll'])(
  '%s answers 202 until it is decided, then the certificate or 403',
  async (path) => {
    const id = `est${path.replaceAll('/', '-')}`;
    const { token } = await service.createToken({ group: 'gated', maxUses: 2 });
    const privateKey = newKey();
    const ask = (headers: Readonly<Record<string, string>> = { ...basic(id, token), 'User-Agent': 'curl' }) =>
      callEst(service, { path, body: csrText({ commonName: id, privateKey }), headers });
    const waiting = await ask();
    expect([waiting.status, waiting.headers['retry-after'], waiting.headers['content-type']]).toEqual([
      202,
      '5',
      'text/plain; charset=utf-8',
    ]);
    expect(waiting.body).toMatch(/^approval_pending: request \d+ waits for an operator\n$/);
    expect(Buffer.byteLength(waiting.head)).toBeLessThan(1_024);
    expect((await ask()).body).toBe(waiting.body);
    // Bouncy Castle, which sends no User-Agent, fails on a 202 with a body (RFC 7030 §4.2.3: one MAY be there).
    const terse = await ask(basic(id, token));
    expect([terse.status, terse.headers['retry-after'], terse.headers['content-length']]).toEqual([
      202,
      '5',
      '0',
    ]);

    const request = await pendingFor(id);
    await service.operator('POST', `/requests/${request?.id}/deny`, { reason: 'who are you?' });
    const denied = await ask();
    expect([denied.status, denied.body]).toEqual([
      403,
      `request_denied: request ${request?.id} was denied: who are you?\n`,
    ]);
    await service.operator('POST', `/requests/${request?.id}/approve`, {});
    const given = await ask();
    expect(given.status).toBe(200);
    expect(certificatesIn(given.body).map(({ subject }) => subject)).toEqual([`CN=${id}`]);
  },
);

describeWith(['bash', 'pki', 'openssl'], "strongSwan's pki", () => {
  it('waits as long as it is told, and has its certificate once an operator has approved', async () => {
    const { token } = await service.createToken({ group: 'gated' });
    const script = `
      openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out swan.key
      openssl req -new -key swan.key -subj /CN=swan -outform DER -out swan.csr
      pki --estca --url "$URL" --cacert root.pem --caout ca.pem --outform pem --force
      pki --est --url "$URL" --cacert root.pem --cacert ca-1.pem --in swan.csr --userpass "swan:$TOKEN" \\
        --interval 1 --outform pem > swan.pem`;
    const env = { ...process.env, URL: service.enrollUrl, TOKEN: token };
    const client = new Promise<string>((done, failed) => {
      const options = { cwd: folder, env, encoding: 'utf8', timeout: 60_000 } as const;
      execFile('bash', ['--norc', '-euo', 'pipefail', '-c', script], options, (error, stdout, stderr) =>
        error === null ? done(stderr) : failed(new Error(`${error.message}\n${stdout}${stderr}`)),
      );
    });
    const request = await Promise.race([
      eventually(() => pendingFor('swan')),
      client.then((output) => Promise.reject(new Error(`it did not wait: ${output}`))),
    ]);
    await service.operator('POST', `/requests/${request.id}/approve`, {});
    // It sleeps for the longer of what it was told here and on its command line.
    expect(await client).toContain('going to sleep for 5 seconds');
    expect(new X509Certificate(readFileSync(join(folder, 'swan.pem'))).subject).toBe('CN=swan');
  });
});
