/** Full lists, deltas and shards, judged by three implementations that are not ours. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { enrollHolder } from '../enrollment/renewing.ts';
import { shellIn } from '../rollover/shell.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const shell = shellIn(folder);
const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
let service: TestEnroll;

const cdpOf = async (id: string) => {
  const text = await shell(`openssl x509 -in ${id}.pem -noout -ext crlDistributionPoints`);
  return /URI:(\S+)\.crl/.exec(text)?.[1] ?? '';
};
/** PEM of the full list, of the delta, or of the shard that a certificate names; in a file of this name. */
async function fetchList(name: string, url: string): Promise<string> {
  const { status, body } = await service.call<string>(`${url}.pem`);
  expect(status).toBe(200);
  put(`${name}.crl.pem`, body);
  return shell(`openssl crl -in ${name}.crl.pem -noout -text`);
}
const serialOf = async (id: string) =>
  (await shell(`openssl x509 -in ${id}.pem -noout -serial`)).trim().replace('serial=', '');
const change = async (id: string, what: 'revoke' | 'suspend' | 'resume') => {
  const body = what === 'revoke' ? { reason: 'keyCompromise' } : {};
  expect((await service.operator('POST', `/devices/${id}/${what}`, body)).status).toBe(200);
};

beforeAll(async () => {
  service = await startTestEnroll(folder, { crlShards: 16 });
  put('root.pem', service.ca);
  for (const id of ['good', 'bad', 'held']) {
    const { certificate, chain } = await enrollHolder(service, id);
    put(`${id}.pem`, certificate);
    put('issuing.pem', chain);
  }
  // Serial numbers are random: one in sixteen is on the same shard.
  for (let tries = 0; ; tries++) {
    put('elsewhere.pem', (await enrollHolder(service, `elsewhere-${tries}`)).certificate);
    if ((await cdpOf('elsewhere')) !== (await cdpOf('bad'))) break;
  }
  const [full, bad, held] = [fullUrl(await cdpOf('good')), await serialOf('bad'), await serialOf('held')];
  await change('held', 'suspend');
  // What somebody fetched a while ago, and then never again.
  await eventually(async () => (await fetchList('before', full)).includes(held));
  await change('held', 'resume');
  await change('bad', 'revoke');
  await eventually(async () => {
    const text = await fetchList('full', full);
    return text.includes(bad) && !text.includes(held);
  });
  await fetchList('delta', `${full}-delta`);
  for (const id of ['good', 'bad', 'held']) await fetchList(`shard-of-${id}`, await cdpOf(id));
});
afterAll(() => service.close());

const fullUrl = (cdp: string) => cdp.replace(/-[0-9a-f]$/, '');

describeWith(['bash', 'openssl'], 'openssl', () => {
  const verify = (id: string, lists: readonly string[], ...more: string[]) =>
    shell(
      `openssl verify -crl_check ${lists.map((name) => `-CRLfile ${name}.crl.pem`).join(' ')} ${more.join(' ')} \
        -CAfile root.pem -untrusted issuing.pem ${id}.pem || true`,
    );

  it.each(['full', 'before', 'delta', 'shard-of-good', 'shard-of-bad'])(
    'verifies the signature of %s',
    async (name) => {
      expect(await shell(`openssl crl -in ${name}.crl.pem -CAfile issuing.pem -noout`)).toMatch('verify OK');
    },
  );

  it('finds a certificate that names a shard on the full list', async () => {
    expect(await cdpOf('good')).toMatch(/-[0-9a-f]$/);
    expect(await verify('good', ['full'])).toMatch('good.pem: OK');
    expect(await verify('held', ['full'])).toMatch('held.pem: OK');
    expect(await verify('bad', ['full'])).toMatch('certificate revoked');
  });

  it('is told by the list of before what was true then', async () => {
    expect(await verify('bad', ['before'])).toMatch('bad.pem: OK');
    expect(await verify('held', ['before'])).toMatch('certificate revoked');
  });

  it('with the delta beside it is told what is true now, what was lifted included', async () => {
    const lists = ['before', 'delta'];
    expect(await verify('good', lists, '-use_deltas')).toMatch('good.pem: OK');
    expect(await verify('bad', lists, '-use_deltas')).toMatch('certificate revoked');
    expect(await verify('held', lists, '-use_deltas')).toMatch('held.pem: OK');
  });

  it('does not take the delta for a list by itself', async () => {
    expect(await verify('good', ['delta'])).toMatch('unable to get certificate CRL');
  });

  it('is told by a shard of its own certificates, and of no other', async () => {
    expect(await verify('good', ['shard-of-good'])).toMatch('good.pem: OK');
    expect(await verify('bad', ['shard-of-bad'])).toMatch('certificate revoked');
    expect(await verify('elsewhere', ['shard-of-bad'])).toMatch('different CRL scope');
  });
});

describeWith(['bash', 'certtool'], 'GnuTLS', () => {
  const verify = (id: string, list: string) =>
    shell(
      `cat ${id}.pem issuing.pem root.pem > ${id}-chain.pem
       certtool --verify --load-ca-certificate root.pem --load-crl ${list}.crl.pem --infile ${id}-chain.pem 2>&1 || true`,
    );

  it.each(['full', 'delta', 'shard-of-good', 'shard-of-bad'])(
    'verifies the signature of %s',
    async (name) => {
      const output = await shell(
        `certtool --verify-crl --load-ca-certificate issuing.pem --infile ${name}.crl.pem 2>&1 || true`,
      );
      expect(output).toMatch(/Verification output: Verified\./);
    },
  );

  it('finds a certificate on the full list, and on its shard', async () => {
    for (const list of ['full', 'shard-of-bad']) expect(await verify('bad', list)).toMatch(/revoked/);
    for (const list of ['full', 'shard-of-good']) expect(await verify('good', list)).toMatch(/Verified\./);
  });
});

describeWith(['bash', 'pki'], 'strongSwan', () => {
  const verify = (id: string, ...lists: string[]) =>
    shell(
      `pki --verify --in ${id}.pem --cacert root.pem --cacert issuing.pem \
        ${lists.map((name) => `--crl ${name}.crl.pem`).join(' ')} 2>&1 || true`,
    );

  it('finds a certificate on the full list, and on its shard', async () => {
    for (const list of ['full', 'shard-of-bad']) expect(await verify('bad', list)).toMatch(/revoked/);
    for (const list of ['full', 'shard-of-good']) {
      const output = await verify('good', list);
      expect(output).toMatch(/certificate status is good/);
      expect(output).toMatch(/certificate trusted, lifetimes valid/);
    }
  });
});
