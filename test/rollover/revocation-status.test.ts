/** CRL and OCSP while two issuing CAs stand, and after the end of one, judged by openssl. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { IssuerView } from '../../core/api/issuers.ts';
import { enrollHolder } from '../enrollment/renewing.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { shellIn } from './shell.ts';

const folder = temporaryFolder();
const shell = shellIn(folder);
const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
let service: TestEnroll;
const issuers: Record<'old' | 'new', IssuerView[]> = { old: [], new: [] };
beforeAll(async () => {
  service = await startTestEnroll(folder);
  put('root.pem', service.ca);
  for (const generation of ['old', 'new'] as const) {
    if (generation === 'new') await service.operator('POST', '/issuers/rotate', {});
    for (const id of ['good', 'bad']) {
      const holder = await enrollHolder(service, `${generation}-${id}`);
      put(`${generation}-${id}.pem`, holder.certificate);
      put(`${generation}-ca.pem`, holder.chain);
    }
    const { body } = await service.operator<{ items: IssuerView[] }>('GET', '/issuers');
    issuers[generation] = body.items.filter(({ status, kind }) => kind === 'issuing' && status === 'active');
    await service.operator('POST', `/devices/${generation}-bad/revoke`, { reason: 'keyCompromise' });
  }
});
afterAll(() => service.close());

/** The CRL of one CA, as text, once it has so many entries. */
function crlOf(generation: 'old' | 'new', entries: number): Promise<string> {
  const url = `${service.statusUrl}/crl/${issuers[generation][0]?.fingerprint}.pem`;
  return eventually(async () => {
    put(`${generation}-crl.pem`, (await service.call<string>(url)).body);
    const text = await shell(`openssl crl -in ${generation}-crl.pem -noout -text`);
    return (text.match(/Serial Number:/g) ?? []).length === entries ? text : undefined;
  });
}

const ocsp = (...asked: string[]) =>
  shell(`openssl ocsp -sha256 ${asked.join(' ')} -url $URL/ocsp -CAfile root.pem -no_nonce || true`, {
    URL: service.statusUrl,
  });
const about = (generation: string, id: string) =>
  `-issuer ${generation}-ca.pem -cert ${generation}-${id}.pem -verify_other ${generation}-ca.pem`;

describeWith(['bash', 'openssl'], 'while two issuing CAs stand', () => {
  it.each(['old', 'new'] as const)(
    'the CRL of the %s one verifies, and has what is its own',
    async (generation) => {
      await crlOf(generation, 1);
      const output = await shell(
        `openssl crl -in ${generation}-crl.pem -CAfile ${generation}-ca.pem -noout 2>&1
       openssl verify -crl_check -CRLfile ${generation}-crl.pem -CAfile root.pem -untrusted ${generation}-ca.pem \
         ${generation}-good.pem
       ! openssl verify -crl_check -CRLfile ${generation}-crl.pem -CAfile root.pem -untrusted ${generation}-ca.pem \
         ${generation}-bad.pem`,
      );
      expect(output).toMatch(/^verify OK\n.*-good.pem: OK\n[\s\S]*certificate revoked/);
    },
  );

  it.each([
    ['old', 'good', 'good'],
    ['old', 'bad', 'revoked'],
    ['new', 'good', 'good'],
    ['new', 'bad', 'revoked'],
  ])('OCSP says of %s-%s that it is %s, by a responder of its own CA', async (generation, id, status) => {
    const answer = await ocsp(about(generation, id));
    expect(answer).toMatch(`${generation}-${id}.pem: ${status}`);
    expect(answer).toMatch('Response verify OK');
  });

  it('OCSP speaks for no two CAs at once', async () => {
    const answer = await ocsp('-issuer old-ca.pem -cert old-good.pem -issuer new-ca.pem -cert new-good.pem');
    expect(answer).toMatch('unauthorized');
  });

  it('OCSP does not know a certificate as that of another CA', async () => {
    const [, serial] = (await shell('openssl x509 -in old-good.pem -noout -serial')).trim().split('=');
    const answer = await ocsp(`-issuer new-ca.pem -serial 0x${serial} -verify_other new-ca.pem`);
    expect(answer).toMatch(`0x${serial}: unknown`);
  });
});

describeWith(['bash', 'openssl'], 'after the end of the old one', () => {
  beforeAll(async () => {
    const [{ fingerprint } = { fingerprint: '' }] = issuers.old;
    const { status } = await service.operator('POST', `/issuers/${fingerprint}/retire`, { lockOut: 1 });
    expect(status).toBe(200);
  });

  it('its CRL is the last one, and lasts as long as its certificates', async () => {
    const text = await crlOf('old', 1);
    const nextUpdate = Date.parse(/Next Update: (.*)/.exec(text)?.[1] ?? '');
    expect(nextUpdate).toBe(Date.parse(issuers.old[0]?.notAfter ?? ''));
    await service.operator('POST', '/devices/new-good/revoke', {});
    await crlOf('new', 2);
    expect(await crlOf('old', 1)).toBe(text);
  });

  it("the root's CRL ends it for whoever trusts the root", async () => {
    const [{ fingerprint } = { fingerprint: '' }] = (
      await service.operator<{ items: IssuerView[] }>('GET', '/issuers')
    ).body.items;
    put('root-crl.pem', (await service.call<string>(`${service.statusUrl}/crl/${fingerprint}.pem`)).body);
    const verify = (generation: string) =>
      shell(
        `openssl verify -crl_check_all -CRLfile root-crl.pem -CRLfile ${generation}-crl.pem -CAfile root.pem \
           -untrusted ${generation}-ca.pem ${generation}-good.pem || true`,
      );
    expect(await verify('old')).toMatch('error 23 at 1 depth lookup: certificate revoked');
    expect(await shell('openssl crl -in root-crl.pem -noout -text')).toMatch('Superseded');
  });

  it('OCSP speaks for it no more', async () => {
    expect(await ocsp(about('old', 'good'))).toMatch('unauthorized');
    expect(await ocsp(about('new', 'bad'))).toMatch('new-bad.pem: revoked');
  });
});
