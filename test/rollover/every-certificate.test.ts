/**
 * Every certificate that there is goes before all three judges, openssl, GnuTLS and strongSwan, with the CRLs that the
 * certificates name: before a rollover, after one of the issuing CA, and while one root takes over from another.
 */
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort } from '../../bench/harness/ports.ts';
import { isIssuedBy } from '../../core/pki/issuer-search.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { type KeyKind, keyKinds } from '../../core/pki/public-key.ts';
import { certificatesIn } from '../est/certificates-in.ts';
import { basic, callEst, connectTo, csrText } from '../est/est-client.ts';
import { generateKeyPair } from '../pki/test-authority.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { shellIn } from './shell.ts';

const FULL = {
  name: 'full',
  validity: '30d',
  extendedKeyUsage: ['clientAuth', 'serverAuth'],
  subject: { country: 'DE', organization: 'Söhne & Co', organizationalUnit: '{group}', serialNumber: '{id}' },
  subjectAltNames: { uri: ['urn:example:{id}'], dns: ['{id}.devices.example'] },
};

/** Each fails where its judge does. $1.chain.pem goes from $1.pem up to the root, $1.above.pem is what lies between. */
const JUDGES = `
  by_openssl() { openssl verify -x509_strict -purpose $2 -crl_check_all -CRLfile crls.pem -CAfile $3 -untrusted $1.above.pem $1.pem; }
  by_gnutls() { certtool --verify --load-ca-certificate $3 --load-crl crls.pem --infile $1.chain.pem; }
  by_strongswan() {
    pki --verify --in $1.pem $(printf -- '--cacert %s ' $1.above-*.pem) --cacert $3 $(printf -- '--crl %s ' crl-*.pem) 2>&1
  }
  crls_by_all() {
    for crl in crl-*.pem; do
      issuer=$(echo $crl | sed s/crl-/ca-/)
      openssl crl -in $crl -noout -CAfile $issuer 2>&1 | grep 'verify OK'
      certtool --verify-crl --load-ca-certificate $issuer --infile $crl
      pki --print --type crl --in $crl 2>&1
    done
  }`;

/** What a certificate is there for, as openssl calls it. */
type Purpose = 'sslclient' | 'sslserver' | 'crlsign';

describeWith(['bash', 'openssl', 'certtool', 'pki'], 'every certificate', () => {
  const folder = temporaryFolder();
  const shell = shellIn(folder);
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const devices: [X509Certificate, Purpose][] = [];
  let service: TestEnroll;
  beforeAll(async () => {
    // The CAs name the address from the beginning, so it must be known before there is a listener.
    service = await startTestEnroll(folder, { statusPort: await freePort() });
    await service.operator('PUT', '/profiles/full', FULL);
    await service.operator('PUT', '/groups/full', { profile: 'full', policy: 'device' });
    for (const kind of keyKinds) devices.push([await enrolled(kind, kind), 'sslclient']);
    const full = await enrolled('full', 'ec-p256', 'full');
    devices.push([full, 'sslclient'], [full, 'sslserver']);
  });
  afterAll(() => service.close());

  async function enrolled(id: string, kind: KeyKind, group = 'devices'): Promise<X509Certificate> {
    const { token } = await service.createToken({ group });
    const { privateKey } = generateKeyPair(kind);
    const call = { path: '/simpleenroll', headers: basic(id, token) };
    const { body } = await callEst(service, { ...call, body: csrText({ commonName: id, privateKey }) });
    const [certificate] = certificatesIn(body);
    if (certificate === undefined) throw new Error(body);
    return certificate;
  }

  async function served(): Promise<X509Certificate> {
    const socket = await connectTo(service);
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    return new X509Certificate(raw);
  }

  /** Writes the CRL that a certificate names, and expects the certificate at its caIssuers to have issued it. */
  async function statusOf(certificate: X509Certificate, issuers: readonly X509Certificate[]): Promise<void> {
    const text = certificate.raw.toString('latin1');
    const [crlUrl = ''] = /http:[ -~]+?\.crl/.exec(text) ?? [];
    const [, fingerprint] = /\/crl\/([0-9a-f]{64})\.crl$/.exec(crlUrl) ?? [];
    const [issuerUrl = ''] = /http:[ -~]+?\.cer/.exec(text) ?? [];
    const named = issuers.find(({ fingerprint256 }) => hex(fingerprint256) === fingerprint);
    expect(named && isIssuedBy(certificate, named)).toBe(true);
    expect(Date.parse(certificate.validTo)).toBeLessThanOrEqual(Date.parse(named?.validTo ?? ''));
    put(`crl-${fingerprint}.pem`, encodePem('X509 CRL', await download(crlUrl)));
    put(`ca-${fingerprint}.pem`, String(named));
    expect(new X509Certificate(await download(issuerUrl)).fingerprint256).toBe(named?.fingerprint256);
  }

  async function download(url: string): Promise<Uint8Array> {
    const answer = await fetch(url);
    expect([url, answer.status]).toEqual([url, 200]);
    return new Uint8Array(await answer.arrayBuffer());
  }

  /** Writes everything that the judges need, and the calls: one line for each certificate, purpose and root. */
  async function calls(leaves: readonly (readonly [X509Certificate, Purpose])[]): Promise<string[]> {
    const cas = certificatesIn((await callEst(service, { path: '/cacerts' })).body);
    const roots = cas.filter((ca) => isIssuedBy(ca, ca));
    const between = cas.filter((ca) => !roots.includes(ca));
    const judged = [...between.map((ca) => [ca, 'crlsign'] as const), ...leaves];
    for (const [certificate] of judged) {
      expect(certificate.serialNumber).toMatch(/^[0-9A-F]{32,40}$/);
      await statusOf(certificate, cas);
    }
    await shell('cat crl-*.pem > crls.pem');
    return roots.flatMap((root, r) => {
      put(`root-${r}.pem`, String(root));
      return judged.map(([certificate, purpose], c) => {
        const above = pathTo(root, certificate, between);
        const name = `${r}-${c}`;
        put(`${name}.pem`, String(certificate));
        put(`${name}.above.pem`, above.join('') || String(root));
        put(`${name}.chain.pem`, [certificate, ...above, root].join(''));
        for (const [n, one] of (above.length > 0 ? above : [root]).entries())
          put(`${name}.above-${n}.pem`, String(one));
        return `${name} ${purpose} root-${r}.pem`;
      });
    });
  }

  /** Expects that all of them accept everything, and returns how many certificates that was. */
  async function allAccepted(): Promise<number> {
    await shell('rm -f *-*.pem');
    const judged = await calls([...devices, [await served(), 'sslserver']]);
    const each = judged.map((call) => `by_openssl ${call}\nby_gnutls ${call}\nby_strongswan ${call}`);
    const output = await shell([JUDGES, 'crls_by_all', ...each].join('\n'));
    expect(output.match(/\.pem: OK$/gm)).toHaveLength(judged.length);
    expect(output.match(/^Chain verification output: Verified\. The/gm)).toHaveLength(judged.length);
    expect(output.match(/^certificate trusted, lifetimes valid/gm)).toHaveLength(judged.length);
    return judged.length;
  }

  it('is accepted before any rollover', async () => {
    // The issuing CA, a device with each kind of key, one for both purposes, and the server.
    expect(await allAccepted()).toBe(1 + keyKinds.length + 2 + 1);
  });

  it('is accepted after a rollover of the issuing CA', async () => {
    expect((await service.operator('POST', '/issuers/rotate', {})).status).toBe(201);
    devices.push([await enrolled('later', 'ec-p384'), 'sslclient']);
    expect(await allAccepted()).toBe(2 + keyKinds.length + 3 + 1);
  });

  it('is accepted by whoever trusts the one root or the other, while there are two', async () => {
    expect((await service.operator('POST', '/issuers/rotate', { root: true })).status).toBe(201);
    devices.push([await enrolled('last', 'ec-p256'), 'sslclient']);
    // Three issuing CAs, and the two certificates that the roots have of each other.
    expect(await allAccepted()).toBe(2 * (5 + keyKinds.length + 4 + 1));
  });

  it('is refused by each of them once it is revoked', async () => {
    const revoked = devices[0]?.[0];
    if (revoked === undefined) throw new Error('no device');
    await service.operator('POST', `/devices/${keyKinds[0]}/revoke`, { reason: 'keyCompromise' });
    await eventually(async () => {
      const call = (await calls([[revoked, 'sslclient']])).find((one) =>
        one.endsWith(' sslclient root-0.pem'),
      );
      const refusals = ['openssl', 'gnutls', 'strongswan'].map(
        (judge) => `if by_${judge} ${call} > said 2>&1; then exit 1; fi; grep -i revoked said`,
      );
      return shell([JUDGES, ...refusals].join('\n')).then(
        () => true,
        () => false,
      );
    });
  });
});

const hex = (fingerprint: string) => fingerprint.replaceAll(':', '').toLowerCase();

/** What lies between `certificate` and `root`, from below. */
function pathTo(
  root: X509Certificate,
  certificate: X509Certificate,
  between: readonly X509Certificate[],
): X509Certificate[] {
  if (isIssuedBy(certificate, root)) return [];
  for (const ca of between.filter((one) => isIssuedBy(certificate, one))) {
    const above = pathTo(
      root,
      ca,
      between.filter((one) => one !== ca),
    );
    const top = above.at(-1) ?? ca;
    if (isIssuedBy(top, root)) return [ca, ...above];
  }
  return [];
}
