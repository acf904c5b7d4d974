/** openssl, GnuTLS and strongSwan judge what Gatehouse issues: certificates of every kind of key, and CRLs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parseDeviceId } from '../../core/ids.ts';
import { buildCrl, type RevokedEntry } from '../../core/pki/crl.ts';
import { type Issuer, issueServerCertificate } from '../../core/pki/issue.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { type KeyKind, keyKinds, publicKeyOf } from '../../core/pki/public-key.ts';
import { statusUrls } from '../../core/pki/status-urls.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { run } from './command.ts';
import { createAuthority, DAY, generateKeyPairs, issueDevice, SECOND, STATUS_URL } from './test-authority.ts';

const folder = temporaryFolder();
const now = Date.now();
const keys = generateKeyPairs();

/** Root kind and issuing kind: the usual pair, and the kinds of key that it leaves out. */
const hierarchies: readonly (readonly [KeyKind, KeyKind])[] = [
  ['ec-p384', 'ec-p256'],
  ['rsa', 'ed25519'],
];

for (const [rootKind, issuingKind] of hierarchies) {
  const name = `${rootKind}-${issuingKind}`;
  const file = (suffix: string) => `${name}.${suffix}`;
  const write = (suffix: string, text: string) => writeFileSync(join(folder, file(suffix)), text);
  const { root, issuing } = await createAuthority({
    now,
    rootKeys: keys[rootKind],
    issuingKeys: keys[issuingKind],
  });
  write('root.pem', root.certificate.pem);
  write('issuing.pem', issuing.certificate.pem);

  const serialNumbers = new Map<KeyKind, RevokedEntry['serialNumber']>();
  for (const kind of keyKinds) {
    const device = await issueDevice({
      issuer: issuing,
      now,
      keys: keys[kind],
      id: parseDeviceId(`dev_${kind}`),
    });
    serialNumbers.set(kind, device.serialNumber);
    write(`${kind}.pem`, device.pem);
    write(`${kind}.chain.pem`, device.pem + issuing.certificate.pem + root.certificate.pem);
  }
  const server = await issueServerCertificate({
    issuer: issuing,
    commonName: 'gatehouse broker',
    hostnames: ['gate.example', '127.0.0.1'],
    publicKey: publicKeyOf(keys['ec-p256'].publicKey),
    validity: DAY,
    now,
    statusUrl: STATUS_URL,
  });
  write('server.pem', server.pem);

  /** Writes the CRLs of both CAs, one device's certificate being revoked or none. */
  const writeCrls = async (revokedKind?: KeyKind) => {
    const serialNumber = revokedKind === undefined ? undefined : serialNumbers.get(revokedKind);
    const revoked: RevokedEntry[] =
      serialNumber === undefined ? [] : [{ serialNumber, revokedAt: now - SECOND, reason: 'keyCompromise' }];
    const rootCrl = await crlPem(root, []);
    const issuingCrl = await crlPem(
      issuing,
      revoked,
      statusUrls(STATUS_URL, issuing.certificate.fingerprint).crl,
    );
    write('root.crl', rootCrl);
    write('issuing.crl', issuingCrl);
    write('both.crl', rootCrl + issuingCrl);
  };

  describeWith(['openssl'], `openssl, CAs of ${rootKind} and ${issuingKind}`, () => {
    const verify = (kind: KeyKind, ...options: readonly string[]) =>
      run(folder, 'openssl', 'verify', '-x509_strict', ...options, ...trust, file(`${kind}.pem`));
    const trust = ['-CAfile', file('root.pem'), '-untrusted', file('issuing.pem')];
    const crls = ['-crl_check_all', '-CRLfile', file('both.crl')];

    for (const kind of keyKinds) {
      it(`accepts a client certificate of ${kind}, and no longer once it is revoked`, async () => {
        await writeCrls();
        expect(verify(kind, '-purpose', 'sslclient', ...crls)).toEqual({
          status: 0,
          output: `${file(`${kind}.pem`)}: OK\n`,
        });
        await writeCrls(kind);
        expect(verify(kind, '-crl_check', '-CRLfile', file('issuing.crl')).output).toContain(
          'certificate revoked',
        );
        expect(verify(kind, ...crls).output).toContain('certificate revoked');
      });
    }

    it('accepts neither a device as a server or a CA, nor a server as a client', () => {
      expect(verify('ec-p256', '-purpose', 'sslserver').status).not.toBe(0);
      const below = ['-CAfile', file('root.pem'), '-untrusted', file('ec-p256.chain.pem')];
      expect(
        run(folder, 'openssl', 'verify', ...below, '-purpose', 'sslclient', file('server.pem')).status,
      ).not.toBe(0);
      const asServer = ['-purpose', 'sslserver', '-verify_hostname', 'gate.example', file('server.pem')];
      expect(run(folder, 'openssl', 'verify', '-x509_strict', ...trust, ...asServer).status).toBe(0);
    });

    it('reads the same CRL: its number, its signature, its reason', async () => {
      await writeCrls('rsa');
      const signed = ['-CAfile', file('issuing.pem'), '-noout', '-text', '-crlnumber'];
      const { status, output } = run(folder, 'openssl', 'crl', '-in', file('issuing.crl'), ...signed);
      expect(status).toBe(0);
      expect(output).toContain('verify OK');
      expect(output).toContain('Key Compromise');
      expect(output).toContain('crlNumber=0x07');
    });
  });

  describeWith(['certtool'], `GnuTLS, CAs of ${rootKind} and ${issuingKind}`, () => {
    const verify = (kind: KeyKind) =>
      run(
        folder,
        'certtool',
        '--verify',
        '--load-ca-certificate',
        file('root.pem'),
        '--load-crl',
        file('both.crl'),
        '--infile',
        file(`${kind}.chain.pem`),
      );

    for (const kind of keyKinds) {
      it(`accepts a certificate of ${kind}, and no longer once it is revoked`, async () => {
        await writeCrls();
        expect(verify(kind)).toMatchObject({
          status: 0,
          output: expect.stringContaining('Verified. The certificate is trusted'),
        });
        await writeCrls(kind);
        expect(verify(kind)).toMatchObject({ status: 1, output: expect.stringContaining('revoked') });
      });
    }

    it("accepts the CRL as the CA's, and not as another's", async () => {
      await writeCrls('rsa');
      const verifyCrl = (ca: string) =>
        run(folder, 'certtool', '--verify-crl', '--load-ca-certificate', ca, '--infile', file('issuing.crl'))
          .status;
      expect(verifyCrl(file('issuing.pem'))).toBe(0);
      expect(verifyCrl(file('root.pem'))).not.toBe(0);
    });
  });

  describeWith(['pki'], `strongSwan, CAs of ${rootKind} and ${issuingKind}`, () => {
    const trust = ['--cacert', file('root.pem'), '--cacert', file('issuing.pem')];
    const crls = ['--crl', file('issuing.crl'), '--crl', file('root.crl')];
    const verify = (kind: KeyKind) =>
      run(folder, 'pki', '--verify', '--in', file(`${kind}.pem`), ...trust, ...crls);

    for (const kind of keyKinds) {
      it(`accepts a certificate of ${kind}, and no longer once it is revoked`, async () => {
        await writeCrls();
        expect(verify(kind)).toMatchObject({
          status: 0,
          output: expect.stringContaining('certificate status is good'),
        });
        await writeCrls(kind);
        expect(verify(kind)).toMatchObject({
          status: 1,
          output: expect.stringContaining('reason: key compromise'),
        });
      });
    }
  });
}

async function crlPem(
  issuer: Issuer,
  revoked: readonly RevokedEntry[],
  distributionPoint?: string,
): Promise<string> {
  const times = { thisUpdate: now - SECOND, nextUpdate: now + DAY };
  const place = distributionPoint === undefined ? {} : { distributionPoint };
  return encodePem('X509 CRL', await buildCrl({ issuer, number: 7n, ...times, revoked, ...place }));
}
