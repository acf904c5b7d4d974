/** A token that goes away while Gatehouse runs, and comes back: nothing is restarted, nothing else stops. */

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { constants, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parseSerialNumber } from '../../core/ids.ts';
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import { buildOcspRequest } from '../../core/pki/ocsp.ts';
import { ask } from '../ocsp/asking.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { startGatehouse, type TestGatehouse } from '../support/gatehouse.ts';
import { readResponse } from '../support/ocsp.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Enrolled, type FleetClient, fleetClient, newCsr } from './fleet-client.ts';
import { createSoftToken, type SoftToken } from './soft-token.ts';

describeWith(['softhsm2-util', 'mkfifo'], 'a token that goes away while Gatehouse runs', () => {
  const folder = temporaryFolder();
  let token: SoftToken;
  let gatehouse: TestGatehouse;
  let devices: FleetClient;
  let issuing: X509Certificate;

  beforeAll(async () => {
    token = createSoftToken(folder);
    gatehouse = await startGatehouse(join(folder, 'data'), ...token.flags);
    devices = fleetClient(gatehouse);
    const { body } = await devices.enroll(await newCsr('before'));
    issuing = new X509Certificate(body.chain);
  });
  afterAll(async () => {
    await devices.close();
    await gatehouse.stop();
  });

  const logged = (what: RegExp) => eventually(() => what.test(gatehouse.log()));

  async function untilEnrolled(csr: string): Promise<Enrolled> {
    let last = await devices.enroll(csr);
    await eventually(async () => {
      if (last.status === 503) last = await devices.enroll(csr);
      return last.status !== 503;
    });
    return last;
  }

  it('is answered with 503 and Retry-After, and used again as soon as it is back', async () => {
    const csr = await newCsr('patient');
    token.unplug();
    const refused = await Promise.all(Array.from({ length: 5 }, () => devices.enroll(csr)));
    for (const { status, retryAfter, body } of refused) {
      expect([status, body.code, retryAfter]).toEqual([503, 'signer_unavailable', '10']);
      expect(body.detail).toMatch(/^try again in 10 seconds \(fault [0-9a-f-]{36}\)$/);
    }
    const fault = /fault ([0-9a-f-]+)/.exec(refused[0]?.body.detail ?? '')?.[1] ?? 'none';
    await logged(new RegExp(`pkcs11_failed: C_\\w+: CKR_\\w+.*${fault}`));

    const est = await devices.enrollByEst(csr);
    expect([est.status, est.retryAfter]).toEqual([503, '10']);
    expect(est.text).toMatch(/^signer_unavailable: try again in 10 seconds/);

    const name = issuing.fingerprint256.replaceAll(':', '').toLowerCase();
    expect((await fetch(`${gatehouse.statusUrl}/crl/${name}.crl`)).status).toBe(200);
    expect((await fetch(`${gatehouse.statusUrl}/health`)).status).toBe(200);
    // Its responder signs with a key of its own.
    const never = buildOcspRequest(parseCaCertificate(issuing.raw), parseSerialNumber('0123456789'));
    const answer = await ask(gatehouse.statusUrl, 'POST', Buffer.from(never));
    expect(readResponse(answer.body).answers).toEqual(['unknown']);

    token.plugIn();
    const { status, body } = await untilEnrolled(csr);
    expect(status).toBe(201);
    expect(new X509Certificate(body.certificate).verify(issuing.publicKey)).toBe(true);
  });

  it('leaves the CAs as they are where they were to be rolled over, and says why', async () => {
    const before = (await gatehouse.command('ca', 'status')).stdout;
    token.unplug();
    const { code, stderr } = await gatehouse.command('ca', 'rotate');
    token.plugIn();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^code: (ca_key_missing|pkcs11_\w+)$/m);
    expect((await gatehouse.command('ca', 'status')).stdout).toBe(before);
    expect((await untilEnrolled(await newCsr('after-all'))).status).toBe(201);
  });

  it('is not asked again and again for a PIN that it refused', async () => {
    const csr = await newCsr('wrong-pin');
    token.unplug();
    expect((await devices.enroll(csr)).status).toBe(503);
    writeFileSync(token.pinFile, 'Saatkraehe\n');
    token.plugIn();
    await eventually(async () => {
      expect((await devices.enroll(csr)).status).toBe(503);
      return gatehouse.log().includes('it is not tried again');
    });
    const [before = '', after = ''] = gatehouse.log().split(/it is not tried again/, 2);
    expect([before, after].map((part) => part.includes('CKR_PIN_INCORRECT'))).toEqual([true, false]);
    expect(gatehouse.log().includes('Saatkraehe')).toBe(false);

    writeFileSync(token.pinFile, token.pin);
    expect((await untilEnrolled(csr)).status).toBe(201);
  });

  it('holds up nobody else while it does not answer', async () => {
    const csr = await newCsr('held-up');
    token.unplug();
    expect((await devices.enroll(csr)).status).toBe(503);
    // Whoever reads the PIN from a pipe waits, as if for an HSM that hangs.
    rmSync(token.pinFile);
    execFileSync('mkfifo', ['-m', '600', token.pinFile]);
    token.plugIn();
    const enrolled = untilEnrolled(csr);
    const pipe = await openForReader(token.pinFile);
    expect((await fetch(`${gatehouse.statusUrl}/health`)).status).toBe(200);
    expect((await gatehouse.command('device', 'list')).code).toBe(0);
    await pipe.writeFile(token.pin);
    await pipe.close();
    expect((await enrolled).status).toBe(201);
    rmSync(token.pinFile);
    writeFileSync(token.pinFile, token.pin);
  });

  it('that comes back without the key signs nothing', async () => {
    const key = token.objects().find(({ label }) => label.startsWith('Gatehouse Issuing CA'));
    const id = key?.id ?? 'none';
    token.destroy(id);
    expect((await devices.enroll(await newCsr('too-late'))).status).toBe(503);
    await logged(new RegExp(`ca_key_missing: the token \\S+ has no key of ID ${id}`));
    token.generate(id, key?.label ?? 'none');
    expect((await devices.enroll(await newCsr('forged'))).status).toBe(503);
    await logged(new RegExp(`issuer_key_mismatch: .* under the ID ${id} is another key`));
  });
});

/** A pipe, once somebody waits at its other end. */
async function openForReader(path: string): Promise<FileHandle> {
  let pipe: FileHandle | undefined;
  await eventually(async () => {
    // Without a reader this fails with ENXIO.
    pipe = await open(path, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined);
    return pipe !== undefined;
  });
  if (pipe === undefined) throw new Error('nobody reads');
  return pipe;
}
