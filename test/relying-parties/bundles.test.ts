/** What the status listener has of all CAs at once, as one PEM file each. */
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { IssuerView } from '../../core/api/issuers.ts';
import { decodePemBlocks } from '../../core/pki/pem.ts';
import { enrollHolder } from '../enrollment/renewing.ts';
import { type Answer, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createRelyingParty, type RelyingParty, revoke } from './relying-party.ts';

describeWith(['bash', 'openssl'], 'the bundles of the status listener', () => {
  const folder = temporaryFolder();
  let service: TestEnroll;
  let party: RelyingParty;
  beforeAll(async () => {
    service = await startTestEnroll(folder);
    party = await createRelyingParty(join(folder, 'party'), service);
    party.keep(await enrollHolder(service, 'first'));
  });
  afterAll(() => service.close());

  const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer<string>> =>
    service.call(`${service.statusUrl}${path}`, { headers });
  const certificates = async () =>
    decodePemBlocks('CERTIFICATE', (await get('/ca/intermediates.pem')).body, 10).map(
      (der) => new X509Certificate(der),
    );
  async function issuers(status: IssuerView['status']): Promise<IssuerView[]> {
    const { body } = await service.operator<{ items: IssuerView[] }>('GET', '/issuers');
    return body.items.filter((one) => one.status === status);
  }
  /** By openssl, with nothing but the two and the root; resolves where it accepts, with what it says. */
  async function verify(id: string): Promise<string> {
    party.put('crls.pem', (await get('/crl/bundle.pem')).body);
    party.put('between.pem', (await get('/ca/intermediates.pem')).body);
    const files = '-CRLfile crls.pem -CAfile root.pem -untrusted between.pem';
    return party.shell(`openssl verify -x509_strict -crl_check_all ${files} ${id}.pem`);
  }

  it('have all that it takes to check a certificate alone', async () => {
    const { status, headers, body } = await get('/crl/bundle.pem');
    expect([status, headers['content-type']]).toEqual([200, 'application/x-pem-file']);
    expect(decodePemBlocks('X509 CRL', body, 10)).toHaveLength(2);
    expect(await verify('first')).toBe('first.pem: OK\n');
  });

  it('answer 304 until a CRL changes, and then have it', async () => {
    const second = await enrollHolder(service, 'second');
    party.keep(second);
    const before = await get('/crl/bundle.pem');
    const known = { 'if-none-match': String(before.headers.etag) };
    const again = await get('/crl/bundle.pem', known);
    expect([again.status, again.body, again.headers.etag]).toEqual([304, '', before.headers.etag]);
    await revoke(service, second);
    expect((await get('/crl/bundle.pem', known)).status).toBe(200);
    await expect(verify('second')).rejects.toThrow('certificate revoked');
    expect(await verify('first')).toBe('first.pem: OK\n');
  });

  it('follow a rollover: a list of every CA that is in use, and no root to be trusted', async () => {
    await service.operator('POST', '/issuers/rotate', { root: true });
    party.keep(await enrollHolder(service, 'third'));
    expect(decodePemBlocks('X509 CRL', (await get('/crl/bundle.pem')).body, 10)).toHaveLength(4);
    const between = await certificates();
    expect(between).toHaveLength(4);
    expect(between.filter((one) => one.verify(one.publicKey))).toEqual([]);
    // root.pem is the old root still.
    for (const id of ['first', 'third']) expect(await verify(id)).toBe(`${id}.pem: OK\n`);
  });

  it('have nothing of a CA that is retired', async () => {
    const [retiring] = (await issuers('retiring')).filter(({ kind }) => kind === 'issuing');
    const { status } = await service.operator('POST', `/issuers/${retiring?.fingerprint}/retire`, {
      lockOut: 1,
    });
    expect(status).toBe(200);
    expect(decodePemBlocks('X509 CRL', (await get('/crl/bundle.pem')).body, 10)).toHaveLength(3);
    const fingerprints = (await certificates()).map(({ fingerprint256 }) => fingerprint256);
    expect(fingerprints).toHaveLength(3);
    expect(fingerprints.join().replaceAll(':', '').toLowerCase()).not.toContain(retiring?.fingerprint);
    await expect(verify('first')).rejects.toThrow('verification failed');
    expect(await verify('third')).toBe('third.pem: OK\n');
  });
});
