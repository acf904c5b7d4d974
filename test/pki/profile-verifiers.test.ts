/** openssl, GnuTLS and strongSwan judge certificates with all the names and purposes that a profile can give. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { issueDeviceCertificate } from '../../core/pki/issue.ts';
import { parseProfile } from '../../core/pki/profile.ts';
import { keyKinds, publicKeyOf } from '../../core/pki/public-key.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { run } from './command.ts';
import { createAuthority, deviceNamed, generateKeyPairs, STATUS_URL } from './test-authority.ts';

const folder = temporaryFolder();
const now = Date.now();
const keys = generateKeyPairs();
const { root, issuing } = await createAuthority({ now });
writeFileSync(join(folder, 'root.pem'), root.certificate.pem);
writeFileSync(join(folder, 'issuing.pem'), issuing.certificate.pem);

const profile = parseProfile({
  name: 'gateway',
  validity: '90d',
  extendedKeyUsage: ['clientAuth', 'serverAuth'],
  subject: {
    country: 'DE',
    stateOrProvince: 'Bayern',
    locality: 'München',
    organization: 'Example & Söhne, GmbH',
    organizationalUnit: '{group}',
    serialNumber: '{attr.serial}',
  },
  subjectAltNames: {
    uri: ['urn:example:device:{id}', 'https://devices.example/{id}?a=b,c'],
    dns: ['{id}.devices.example'],
  },
});
for (const kind of keyKinds) {
  const { pem } = await issueDeviceCertificate({
    issuer: issuing,
    profile,
    device: deviceNamed('press-7', { serial: 'SN 47/11' }),
    publicKey: publicKeyOf(keys[kind].publicKey),
    now,
    statusUrl: STATUS_URL,
    reservedHostnames: [],
  });
  writeFileSync(join(folder, `${kind}.pem`), pem);
  writeFileSync(join(folder, `${kind}.chain.pem`), pem + issuing.certificate.pem + root.certificate.pem);
}

describeWith(['openssl'], 'openssl', () => {
  const openssl = (...parameters: readonly string[]) => run(folder, 'openssl', ...parameters);
  const verify = (...options: readonly string[]) =>
    openssl('verify', '-x509_strict', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', ...options);

  it.each(keyKinds)('accepts a certificate of %s for its purposes and its name', (kind) => {
    expect(verify('-purpose', 'sslclient', `${kind}.pem`).output).toBe(`${kind}.pem: OK\n`);
    const asServer = ['-purpose', 'sslserver', '-verify_hostname'];
    expect(verify(...asServer, 'press-7.devices.example', `${kind}.pem`).output).toBe(`${kind}.pem: OK\n`);
    // Not by its CN, which the device chose.
    for (const hostname of ['press-7', 'other.devices.example']) {
      expect(verify(...asServer, hostname, `${kind}.pem`).output).toContain('hostname mismatch');
    }
    for (const purpose of ['timestampsign', 'smimesign', 'crlsign']) {
      expect(verify('-purpose', purpose, `${kind}.pem`).status).not.toBe(0);
    }
  });

  it('reads every name and purpose as it was asked for', () => {
    const { output } = openssl(
      'x509',
      '-in',
      'ec-p256.pem',
      '-noout',
      '-text',
      '-nameopt',
      'RFC2253,-esc_msb,utf8',
    );
    expect(output).toContain(
      'Subject: CN=press-7,serialNumber=SN 47/11,OU=devices,O=Example & Söhne\\, GmbH,L=München,ST=Bayern,C=DE\n',
    );
    expect(output).toContain(
      'X509v3 Subject Alternative Name: \n' +
        '                URI:urn:example:device:press-7, URI:https://devices.example/press-7?a=b,c, DNS:press-7.devices.example\n',
    );
    expect(output).toContain(
      'X509v3 Key Usage: critical\n                Digital Signature\n' +
        '            X509v3 Extended Key Usage: \n' +
        '                TLS Web Client Authentication, TLS Web Server Authentication\n',
    );
  });

  it('finds each attribute in the type of string that RFC 5280 has for it', () => {
    const { output } = openssl('asn1parse', '-in', 'ec-p256.pem');
    const types = [...output.matchAll(/:(\w+)\n.*prim: (PRINTABLESTRING|UTF8STRING) /g)].map(
      ([, name, type]) => `${name} ${type}`,
    );
    expect(types).toEqual([
      'commonName UTF8STRING',
      'countryName PRINTABLESTRING',
      'stateOrProvinceName UTF8STRING',
      'localityName UTF8STRING',
      'organizationName UTF8STRING',
      'organizationalUnitName UTF8STRING',
      'serialNumber PRINTABLESTRING',
      'commonName UTF8STRING',
    ]);
  });
});

describeWith(['certtool'], 'GnuTLS', () => {
  it.each(keyKinds)('accepts a certificate of %s for both purposes', (kind) => {
    for (const purpose of ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']) {
      const how = ['--verify', '--load-ca-certificate', 'root.pem', `--verify-purpose=${purpose}`];
      const { status, output } = run(folder, 'certtool', ...how, '--infile', `${kind}.chain.pem`);
      expect([status, output]).toEqual([0, expect.stringContaining('The certificate is trusted')]);
    }
    const name = ['--verify-hostname=press-7.devices.example'];
    const how = ['--verify', '--load-ca-certificate', 'root.pem', ...name, '--infile', `${kind}.chain.pem`];
    expect(run(folder, 'certtool', ...how).status).toBe(0);
  });

  it('reads every name and purpose as it was asked for', () => {
    const { output } = run(folder, 'certtool', '-i', '--infile', 'ec-p256.pem');
    expect(output).toContain(
      'Subject: CN=press-7,serialNumber=SN 47/11,OU=devices,O=Example & Söhne\\, GmbH,L=München,ST=Bayern,C=DE\n',
    );
    for (const line of [
      'URI: urn:example:device:press-7',
      'URI: https://devices.example/press-7?a=b,c',
      'DNSname: press-7.devices.example',
      'Subject Alternative Name (not critical)',
      'TLS WWW Client.',
      'TLS WWW Server.',
    ]) {
      expect(output).toContain(line);
    }
  });
});

describeWith(['pki'], 'strongSwan', () => {
  it.each(keyKinds)('accepts a certificate of %s', (kind) => {
    const trust = ['--cacert', 'root.pem', '--cacert', 'issuing.pem'];
    expect(run(folder, 'pki', '--verify', '--in', `${kind}.pem`, ...trust)).toMatchObject({
      status: 0,
      output: expect.stringContaining('certificate trusted'),
    });
  });

  it('reads every name and purpose as it was asked for', () => {
    const { output } = run(folder, 'pki', '--print', '--in', 'ec-p256.pem');
    // It shows what is not ASCII octet by octet, as question marks.
    expect(output).toContain(
      'subject:  "C=DE, ST=Bayern, L=M??nchen, O=Example & S??hne, GmbH, OU=devices, serialNumber=SN 47/11, CN=press-7"',
    );
    expect(output).toMatch(/altNames: .*press-7\.devices\.example/);
    expect(output).toMatch(/flags: .*serverAuth clientAuth/);
  });
});
